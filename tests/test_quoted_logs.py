"""Logs in texts of JSON, as chats and issue trackers export them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidreclaim.errors import ParseError
from droidreclaim.inspect import kills, why
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.records import KilledBy
from droidreclaim.policy.why import Cause

REASON = "low watermark is breached and swap is low (2000kB < 52428kB)"
KILL = (
    "11-28 09:00:00.123   206   206 I lowmemorykiller: Kill 'com.example.game' (4321), uid 10123, "
    f"oom_score_adj 905 to free 83468kB rss, 1024kB swap; reason: {REASON}"
)
OTHER = (
    "11-28 09:00:01.000  1500  1520 I ActivityManager: Killing 77:com.example.b/u0a9 (adj 910): "
    "empty #17"
)
LOG = f'{KILL}\n11-28 09:00:00.200    99    99 D MyApp   : hello "world"\n{OTHER}\n'
FENCED = f"It dies when I open the camera:\r\n\r\n```\r\n{LOG}```\r\nAny \\ idea?"
OOM = (
    "<4>[  100.000000] Out of memory: Killed process 4321 (om.example.game) total-vm:1234kB, "
    "anon-rss:83468kB, file-rss:0kB, shmem-rss:0kB, UID:10123 pgtables:400kB oom_score_adj:905"
)
CHAT = {"type": "message", "user": "U024", "text": FENCED, "ts": "1764320400.000100"}
ISSUE = {"id": 7, "title": "Killed", "labels": [{"name": "lmkd"}], "body": FENCED}
EXPORTS = {
    "an object a line": json.dumps(CHAT),
    "objects of several lines": "\n".join(json.dumps(one) for one in (CHAT, {"text": "thanks"})),
    "an array": json.dumps([{"text": "hi"}, CHAT]),
    "an array over several lines": json.dumps([{"text": "hi"}, CHAT], indent=4),
    "an issue": json.dumps(ISSUE),
    "an issue over several lines": json.dumps(ISSUE, indent=2),
    "its escapes are all that can be": json.dumps(CHAT).replace("/", "\\/").replace("'", "\\u0027"),
    "quotes that a chat has made": json.dumps(CHAT).replace("'com", "\\u2018com"),
    "deep": json.dumps({"data": {"repository": {"issue": {"comments": [ISSUE]}}}}),
    "among tags": json.dumps([{"tag": "v1.2", "name": "lmkd"}, ISSUE]),
    "lines as an array": json.dumps(LOG.splitlines(), indent=1),
    "a text alone": json.dumps(LOG),
}  # fmt: skip


def kills_in(path: Path) -> set[tuple[KilledBy, int, str | None, int | None]]:
    return {
        (one.by, one.pid, one.name, one.oom_score_adj)
        for one in kills.of_capture(path, since_s=None).records
    }


BOTH = {
    (KilledBy.LMKD, 4321, "com.example.game", 905),
    (KilledBy.ACTIVITY_MANAGER, 77, "com.example.b", 910),
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
def test_kills_in_texts_of_json_are_read_with_their_reasons(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    assert kills_in(path) == BOTH
    [death] = why.of_capture(path, "com.example.game", since_s=None).deaths
    assert death.cause is Cause.LMKD
    assert death.kill.reason == REASON
    assert death.lines[0].text == KILL


def test_a_kill_of_the_kernel_in_a_text_of_json_is_read() -> None:
    [kill] = parse_kills(json.dumps({"text": f"dmesg says\n{OOM}\n"})).records
    assert (kill.by, kill.pid) == (KilledBy.KERNEL_OOM, 4321)


def test_an_export_of_one_long_line_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"text": "so it is"} for _ in range(20_000)] + [CHAT]))
    assert kills_in(path) == BOTH


@pytest.mark.parametrize("before", range((1 << 20) - 700, (1 << 20) + 100, 50))
def test_an_export_of_one_line_of_some_mebibytes_is_read_also_where_it_is_cut(
    tmp_path: Path, before: int
) -> None:
    filler = "x " * 400
    messages = [{"text": filler}] * (before // (len(filler) + 15))
    rest = before - len(json.dumps(messages)[:-1]) - 15
    messages.append({"text": "y" * rest})
    path = tmp_path / "export.json"
    path.write_text(json.dumps([*messages, CHAT, *messages, ISSUE]))
    assert kills_in(path) == BOTH


def test_a_long_text_of_an_export_over_several_lines_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"body": "so it is\n" * 5000 + FENCED}, indent=4))
    assert kills_in(path) == BOTH


@pytest.mark.parametrize(
    "line",
    [
        '{"tag": "lmkd", "message": "Kill \'com.example.game\' (4321), uid 10123, oom_score_adj 905'
        ' to free 83468kB rss; reason: low watermark is breached"}',
        f'"11-28 09:00:00.123","lowmemorykiller","{KILL.partition("killer: ")[2]}"',
        json.dumps({"log": f"{KILL}\n", "stream": "stdout"}),
    ],
)
def test_a_line_that_is_one_entry_is_read_as_before(line: str) -> None:
    [kill] = parse_kills(line).records
    assert (kill.by, kill.pid, kill.oom_score_adj) == (KilledBy.LMKD, 4321, 905)
    assert '"' not in kill.reason


@given(cut=st.integers(0, len(json.dumps(CHAT))))
def test_an_export_that_is_cut_anywhere_names_no_other_kill(cut: int) -> None:
    try:
        records = parse_kills(json.dumps(CHAT)[:cut]).records
    except ParseError:
        return
    assert {(one.by, one.pid) for one in records} <= {(by, pid) for by, pid, *_ in BOTH}


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text('ab"\\', max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(before=_JSON, after=_JSON, indent=st.sampled_from([None, 0, 4]), ascii_only=st.booleans())
def test_what_else_an_export_holds_hides_no_kill(
    before: Any, after: Any, indent: int | None, ascii_only: bool
) -> None:
    whole = [before, CHAT, after]
    records = parse_kills(json.dumps(whole, indent=indent, ensure_ascii=ascii_only)).records
    assert {(one.by, one.pid) for one in records} == {(by, pid) for by, pid, *_ in BOTH}


def test_a_text_of_a_mebibyte_of_escapes_is_read_in_a_moment() -> None:
    with pytest.raises(ParseError):
        parse_kills('{"text": "Kill ' + '\\"' * (1 << 19))


PASTE = f"from the chat > it died\n{KILL.partition('I ')[2]}\n"  # nothing that looks like a log


@pytest.mark.parametrize("name", ["paste.txt", "folder/paste.txt", "export.json"])
@pytest.mark.parametrize("beside", [(), ("__MACOSX/._paste.txt",), ("readme.md",)])
def test_a_paste_in_an_archive_is_read(tmp_path: Path, name: str, beside: tuple[str, ...]) -> None:
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, EXPORTS["an array"] if name.endswith("json") else PASTE)
        for other in beside:
            archive.writestr(
                other, "\0\1 this says nothing" if "MACOSX" in other else "# Read me\n"
            )
    assert (KilledBy.LMKD, 4321, "com.example.game", 905) in kills_in(path)
