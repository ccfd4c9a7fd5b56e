"""Profiles: every fault at its place, no surprise of YAML's, and never another exception."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from droidreclaim import files, profiles
from droidreclaim.errors import ProfileError, UsageError
from droidreclaim.helper.protocol import request
from droidreclaim.profiles.form import HowForm, WhenForm, WhoForm

_LEAST = "version: 1\nname: x\n"


def faults(text: str | bytes) -> list[tuple[int, int, str, str]]:
    found = profiles.check(text.encode() if isinstance(text, str) else text)
    assert isinstance(found, tuple), found
    return [(one.line, one.column, one.path, one.message) for one in found]


def good(text: str) -> profiles.Profile:
    found = profiles.check((_LEAST + text).encode())
    assert isinstance(found, profiles.Profile), found
    return found


@pytest.mark.parametrize("name", ["keep-games", "gentle", "favourites"])
def test_a_built_in_profile_is_found_by_name_and_opens_with_its_question(name: str) -> None:
    assert profiles.load(name).name == name
    assert profiles.open_profile(name).split(b"\n")[0].endswith(b"?")


def test_a_path_is_a_profile_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_LEAST)
    assert profiles.load(str(path)).name == "x"


@pytest.mark.parametrize("name", ["keep-gamez", "/nowhere/x.yaml", "a\0b", "/"])
def test_a_profile_that_is_not_there_names_those_that_are(name: str) -> None:
    with pytest.raises(UsageError, match="favourites, gentle, keep-games"):
        profiles.load(name)


@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/zero", "/dev/null"])
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "_WRITER_S", 0.2)
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    began = time.monotonic()
    with pytest.raises(UsageError):
        profiles.load(str(path))
    assert time.monotonic() - began < 10


def test_every_fault_is_told_at_once_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "version: 2\nnam: x\nwhen:\n  available: lots\n  leaving: false\n  leaving: true\n"
        "who: {adj: 100..200}\nhow: {what: anon, only: [code]}\n"
        'packages:\n  - match: "a b"\n    how: {rung: kill}\n  - {}\n'
    )
    with pytest.raises(ProfileError) as caught:
        profiles.load(str(path))
    assert caught.value.exit_code == 6
    head, *told = str(caught.value).split("\n")
    assert head == f"10 faults in {path}"
    places = [line.removeprefix(str(path)).rpartition(": ")[0].split(": ")[0] for line in told]
    assert places == [":1:1", ":1:10", ":2:1", ":4:14", ":6:3", ":7:12", ":8:6", ":10:12",
                      ":11:17", ":12:5"]  # fmt: skip
    assert any("nam: no such key here: name?" in line for line in told)
    assert any("when.leaving: given twice, first in line 5" in line for line in told)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("off", "true or false in YAML 1.1"), ("yes", "true or false"), ("No", "true or false"),
        ("TRUE", "small letters"), ("012", "octal"), ("1:30", "base 60"), ("1e3", "YAML 1.1"),
        ("2024-01-01", "a date"), ("1_000", "YAML 1.1"), ("0x10", "decimal"), (".inf", "unit"),
        ("1.5", "unit"), ("~", "leave the key out"), ("null", "leave the key out"),
        ("", "leave the key out"), ("&a b", "anchor"), ("!!int 3", "tag"), ("9" * 5000, "5000"),
        ("9" * 40, "40 digits"), ("*a", "alias"), ("+3", "without +"), ("a" * 600, "600"),
    ],
)  # fmt: skip
def test_what_yaml_takes_for_something_else_is_refused_with_the_reason(
    value: str, reason: str
) -> None:
    [(line, _, path, message)] = faults(f"version: 1\nname: {value}\n")
    assert (line, path) == (2, "name")
    assert reason in message


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "[1, 2]", "just words", "--- 1\n--- 2\n", "a: [", "\tx: 1", "? [a]\n: b",
        "[" * 500, "{a: " * 500, "%YAML 1." + "9" * 5000 + "\n---\na: 1", 'a: "\\UFFFFFFFF"',
        'a: "\\ud800"', "a: \0", "<<: {a: 1}", "a: &a [b]\nc: *a",
    ],
)  # fmt: skip
def test_a_text_that_is_no_profile_is_a_fault(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: true\nname: x\n", "must be 1"),
        (_LEAST + "when: {available: \u0661\u0662MiB}\n", "not a size"),
        (_LEAST + "for: \u0661h\n", "not a duration"),
        (_LEAST + "how: {only: dalvik}\n", "a list is wanted"),
    ],
)
def test_what_only_looks_right_is_refused_in_plain_words(text: str, reason: str) -> None:
    [(*_, message)] = faults(text)
    assert reason in message


@pytest.mark.parametrize(
    ("data", "encoding"), [(b"a: \xc3(", "UTF-8"), (b"\xff\xfe\x00\xd8a\x00", "UTF-16")]
)
def test_bytes_that_are_no_text_of_their_encoding_are_a_fault(data: bytes, encoding: str) -> None:
    assert [message for *_, message in faults(data)] == [f"not {encoding}"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_profile_that_powershell_wrote_is_the_same_profile(encoding: str) -> None:
    assert profiles.check(_LEAST.encode(encoding)) == profiles.check(_LEAST.encode())


def test_bombs_cost_less_than_a_second() -> None:
    alias = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
    )
    for text in (
        alias,
        "- 1\n" * 60_000,
        "1" * 250_000 + "x",
        "a: " + "[" * 250_000,
        "x" * 300_000,
    ):
        began_s = time.process_time()
        assert faults(text)
        assert time.process_time() - began_s < 2  # 0.6 s here with an idle core


def test_a_package_overrides_what_it_names_and_inherits_the_rest() -> None:
    profile = good(
        "who: {at_least: 8MiB, background: 10s}\nhow: {only: [dalvik], rate: 64MiB/s}\n"
        "packages:\n  - match: [com.a.*, com.b]\n    who: {background: 1m, last: true}\n"
        "    how: {what: all}\n"
    )
    first, second, general = profile.rules
    assert (first.match, second.match, general.match) == ("com.a.*", "com.b", "*")
    assert (first.background_ms, first.at_least_bytes, first.last) == (60_000, 8 << 20, True)
    assert (first.what, first.only, first.rate_bytes_per_s) == ("all", (), 64 << 20)
    assert (general.what, general.only, general.last) == (None, ("dalvik",), False)


def test_keeping_the_hot_is_inherited_but_where_nothing_is_paged_out() -> None:
    text = "how: {keep: hot, bring_back: true, rung: trim}\npackages:\n"
    text += "  - match: com.a\n    how: {rung: leave}\n  - match: com.b\n    how: {budget: 8MiB}\n"
    assert [rule.keep for rule in good(text).rules] == [None, "hot", "hot"]
    assert [rule.bring_back for rule in good(text).rules] == [False, True, True]
    (_, one), *_ = profiles.lines(good("how: {keep: hot}\n"))[1:]
    assert one["keep"] == "hot"
    ((*_, message),) = faults("version: 1\nname: a\nhow: {keep: hot, rung: cold}\n")
    assert "keep and bring_back are for rung pageout and trim" in message


def test_a_profile_becomes_one_request_for_each_rule_in_order() -> None:
    told = profiles.lines(good("for: 90m\npackages:\n  - match: com.a\n    how: {rung: leave}\n"))
    assert [verb for verb, _ in told] == ["guard_when", "guard_rule", "guard_rule"]
    assert [values.get("match") for _, values in told] == [None, "com.a", "*"]
    assert told[0][1]["pressure_some_us"] == 35_000
    for verb, values in told:
        assert request("1", verb, **values).count(b"\n") == 1


_UNITS = ("", "_bytes", "_us", "_ms", "_permille", "_bytes_per_s")


def keys_of(form: type[BaseModel], above: str = "") -> Iterator[str]:
    """The keys of a section as they are written, those of a section within it after its own."""
    for name, field in form.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, f"{above}{name}_")
        else:
            yield above + name


def test_a_key_has_one_name_from_the_profile_to_the_guards_c() -> None:
    """In C its unit is added to the name; adj, two numbers, becomes _low and _high."""
    source = (Path(__file__).parents[1] / "device-scripts/guard/profile.c").read_text()
    taken = {
        table: set("".join(re.findall(r'"(.*?)"', text)).split())
        for table, text in re.findall(r"#define (WHEN|RULE)_KEYS ((?:.*\\\n)*.*)", source)
    }
    when, rule = (set(values) for _, values in profiles.lines(good("")))
    assert taken == {"WHEN": when, "RULE": rule}
    written = {
        "WHEN": [*keys_of(WhenForm)],
        "RULE": [*keys_of(WhoForm), *keys_of(HowForm), "match"],
    }
    for table, keys in written.items():
        for key in taken[table] - {"adj_low", "adj_high"}:
            assert sum(key == one + unit for one in keys for unit in _UNITS) == 1, key
        assert len(taken[table]) == len(keys) + (table == "RULE")


def test_a_guard_that_would_never_act_is_a_fault() -> None:
    [(_, _, path, message)] = faults(
        _LEAST + "when: {next_launch: false, pressure: {some: 0s, full: 0s}}\n"
    )
    assert path == "when"
    assert "never act" in message


def sections(*sizes: int) -> str:
    names = (f"com.a{number}" for number in range(1000))
    lists = ("[" + ", ".join(next(names) for _ in range(size)) + "]" for size in sizes)
    return _LEAST + "packages:\n" + "".join(f"  - match: {one}\n" for one in lists)


@pytest.mark.parametrize(
    ("sizes", "section", "count"),
    [((64,), 0, 64), ((63, 1), 1, 64), ((60, 3, 40), 2, 103), ((1,) * 70, 63, 64)],
)
def test_more_patterns_than_a_guard_holds_are_a_fault_of_the_section_that_exceeds_it(
    sizes: tuple[int, ...], section: int, count: int
) -> None:
    text = sections(*sizes)
    [(line, column, path, message)] = faults(text)
    assert text.splitlines()[line - 1].startswith("  - match: [")
    assert line - text[: text.index("packages:")].count("\n") - 2 == section
    assert (column, path) == (12, f"packages[{section}].match")
    assert message.startswith(f"{count} patterns up to here: a guard holds 63")


@pytest.mark.parametrize("sizes", [(63,), (1,) * 63, (30, 33)])
def test_as_many_patterns_as_a_guard_holds_are_none(sizes: tuple[int, ...]) -> None:
    assert len(good(sections(*sizes).removeprefix(_LEAST)).rules) == 64


def test_the_schema_knows_every_key_that_the_form_takes() -> None:
    schema = profiles.schema()
    assert set(schema["properties"]) == {
        "version", "name", "for", "when", "who", "how", "packages",
    }  # fmt: skip
    assert schema["additionalProperties"] is False
    json.dumps(schema)


_ALPHABET = st.text(
    st.one_of(st.sampled_from(list("{}[]:,-?&*!|>'\"%@`#\n\t 0123456789aeyno.<=~\\")),
              st.characters()), max_size=200,
)  # fmt: skip


def only_our_faults(data: bytes) -> None:
    found = profiles.check(data)
    if isinstance(found, profiles.Profile):
        for verb, values in profiles.lines(found):
            request("1", verb, **values)
    else:
        assert found
        assert all(one.line >= 1 and one.column >= 1 and one.message for one in found)
        str(profiles.faulty("x", found))


def mutated(source: random.Random) -> bytes:
    """A built-in profile with some of its bytes cut, doubled or replaced."""
    data = bytearray(profiles.open_profile(source.choice(["keep-games", "gentle"])))
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(data))
        end = at + source.choice([1, 1, 2, 8, 40])
        kind = source.randrange(4)
        if kind == 0:
            del data[at:end]
        elif kind == 1:
            data[at:at] = data[at:end] * source.randint(1, 30)
        elif kind == 2:
            data[at:end] = source.randbytes(end - at)
        else:
            data[at:at] = source.choice(
                [b"*", b"&a ", b"!!binary ", b"<<: ", b"\t", b"- ", b"? ", b"|", b"012", b"1:30",
                 b"{", b"[", b"'", b"%YAML 9.9\n", b"\n---\n", b"\x85", b"\xe2\x80\xa8", b'"\\x']
            )  # fmt: skip
        data = data or bytearray(b"x")
    return bytes(data)


@settings(max_examples=examples(150), suppress_health_check=list(HealthCheck))
@given(_ALPHABET)
def test_no_text_raises_anything(text: str) -> None:
    only_our_faults(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("seed", range(150))
def test_no_mutated_profile_raises_anything(seed: int) -> None:
    only_our_faults(mutated(random.Random(seed)))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_no_profile_of_20_000_raises_anything() -> None:
    @settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
    @given(_ALPHABET)
    def texts(text: str) -> None:
        only_our_faults(text.encode("utf-8", "surrogatepass"))

    for seed in range(1000, 11_000):
        only_our_faults(mutated(random.Random(seed)))
    texts()
