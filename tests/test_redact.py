"""What a report for an issue must not contain, wherever a device has it, and what it must."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fuzzing import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from droidreclaim.device.host import Host
from droidreclaim.helper.wire import Backend, Hello
from droidreclaim.inspect import doctor
from droidreclaim.inspect.ask import Answer
from droidreclaim.inspect.checks import Facts, device_checks, host_checks
from droidreclaim.inspect.killers import facts_of
from droidreclaim.lab.storm.plan import LMK_SETTINGS
from droidreclaim.model.check import Check, CheckState
from droidreclaim.parse.kills import remarks
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.report.doctor import report_text
from droidreclaim.report.redact import LEFT_OUT, SETTING, carried, kernel_release, without

_OWN = Path(__file__).parent / "captures" / "pocket-33"


def own(name: str) -> str:
    return (_OWN / name).read_text("utf-8")


def whole() -> Facts:
    """All that a rooted device can answer."""
    texts = {
        "kernel": "5.10.101-android12-9-00005-g1a2b3c4d5e6f-ab8943833",
        "page": "4096",
        "selinux": "Enforcing",
        "meminfo": own("proc-meminfo.txt"),
        "swaps": own("proc-swaps.txt"),
        "psi": own("proc-pressure.txt"),
        "zram": "/sys/block/zram0/comp_algorithm:lzo [lz4] zstd\n"
        "/sys/block/zram0/backing_dev:/dev/block/loop7\n/sys/block/zram0/bd_stat: 5 6 7\n"
        "/sys/block/zram0/disksize:2147483648\n"
        "/sys/block/zram0/mm_stat:1073741824 300000000 310000000 0 320000000 12 0 4 5",
        "lmkd": "431",
        "lmk-mode": "-rw-rw-r-- 1 root system 4096 2026-11-28 00:00 minfree",
        "lmk-driver": "18432,23040,27648,32256,55296,80640",
        "lmk-adj": "0,100,200,250,900,950",
        "am-settings": own("settings.txt"),
        "freezer": "enabled",
        "process_reclaim": "1",
        "hybridswap": "/sys/block/zram0/hybridswap_enable\n/dev/memcg/memory.force_swapout",
        "rtmm": "/proc/rtmm",
        "damon_reclaim": "N",
        "mglru": "1000",
        "mglru-on": "0x0007",
        "limiter": "Memory limiter\n  visibleMem=1800MB visibleSwap=900MB\n",
    }
    hello = Hello(
        protocol=1, build="b", abi="arm64-v8a", page_bytes=4096, uid=0, cap_eff="0",
        selinux="u:r:magisk:s0", boot_id=None, kernel=texts["kernel"], machine="aarch64", pid=77,
        cpu_us=5,
    )  # fmt: skip
    answers = {name: Answer(text, 0) for name, text in texts.items()}
    properties = dict(parse_getprop(own("getprop.txt"))) | {"ro.lmk.thrashing_limit": "30"}
    return Facts(
        answers,
        properties=properties,
        killers=facts_of(answers, properties),
        host=Host("/usr/bin/adb", "35.0.2-12147458", 41, "adb server 127.0.0.1:5037", 41),
        trip_s=0.002,
        root="su -c",
        hello=hello,
        backends={
            "pageout": Backend(name="pageout", works=True, errno=None, why=None),
            "proc_reclaim": Backend(
                name="proc_reclaim", works=False, errno="ENOENT", why="/proc/self/reclaim"
            ),
        },
        helper_abis=("arm64-v8a",),
        guards=(),
    )


def report(facts: Facts, *more: Check) -> str:
    """Return the report without a known serial: only the shapes of secrets can be found."""
    assert facts.host is not None
    checks = [*host_checks(facts.host, facts.trip_s), *device_checks(facts), *more]
    return report_text(checks, doctor.raw_texts(facts), "0.1", [])


def test_what_an_issue_is_about_is_all_there() -> None:
    text = report(whole())
    for line in (
        "MemTotal:         608284 kB",
        "Enforcing",
        "18432,23040,27648,32256,55296,80640",
        "  compact_throttle_min_oom_adj=900",
        "  use_freezer=false",
        "/sys/block/zram0/comp_algorithm:lzo [lz4] zstd",
        "[ro.lmk.thrashing_limit]: [30]",
        "-rw-rw-r--",
    ):
        assert f"\n{line}\n" in text
    for words in (
        "android: Pocket Phone, Android 13 (SDK 33)",
        "kernel: 5.10.101-android12-9-00005-g1a2b3c4d5e6f-ab8943833",
        "backend proc_reclaim: ENOENT, /proc/self/reclaim: not needed, pageout works",
        "lmkd thrashing_limit: 30 (ro.lmk.thrashing_limit)",
        "zram0: lz4 of lzo [lz4] zstd",
        "mm_stat:1.0 GiB  286.1 MiB",
        "adb server: protocol 41",
    ):
        assert words in text


def test_no_check_of_a_whole_look_is_left_out() -> None:
    """A new check needs an entry in report/redact_facts.py, or reports leave it out."""
    checks = report(whole()).partition("\n------ ")[0]
    assert LEFT_OUT not in checks, checks
    assert "check:" not in checks


_NAMES = st.sampled_from(["Quillfeather", "Oxbridgeon", "Marigoldine", "jquill", "Zephyrine"])
_SECRETS = st.one_of(
    st.lists(_NAMES, min_size=1, max_size=4).map(" ".join),  # an SSID, an account, free text
    st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z][0-9]{3}[A-Z]{3}", fullmatch=True),  # a serial
    st.from_regex(r"[0-9]{2}-[0-9]{6}-[0-9]{6}-[0-9]", fullmatch=True),  # an IMEI with dashes
    st.from_regex(r"[1-9][0-9]{14}", fullmatch=True),
    st.from_regex(r"\+[1-9][0-9] [1-9][0-9]{2} [0-9]{7}", fullmatch=True),  # telephone numbers
    st.from_regex(r"0[1-9][0-9]{2}[ /-][0-9]{7}", fullmatch=True),
    st.from_regex(r"\([1-9][0-9]{2}\) [0-9]{3}-[0-9]{4}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{2} [1-9][0-9]{2} [1-9][0-9]{3}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{9,11}", fullmatch=True),
    st.builds("{0}@{1}.example".format, _NAMES, _NAMES),
    st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True),  # a MAC address
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str).filter(lambda one: len(one) > 12),
    st.builds("host={0}-laptop".format, _NAMES),
    st.builds('SSID: "{0} {1}"'.format, _NAMES, _NAMES),
    st.builds("Account {{name={0}, type=com.example}}".format, _NAMES),
    st.from_regex(r"-?[1-8][0-9]\.[0-9]{6}, ?1?[0-9]{2}\.[0-9]{6}", fullmatch=True),  # a place
    st.builds("/home/{0}/x".format, _NAMES),
    st.uuids().map(str),
)
_PIECES = re.compile(r"[^\s:=,()\[\]]+")


@st.composite
def planted(draw: st.DrawFn, text: str, secret: str) -> str:
    """Put the secret into *text*: for a word, before or after one, or on a line of its own."""
    pieces = list(_PIECES.finditer(text)) or [re.match("", text)]
    piece = draw(st.sampled_from(pieces))
    assert piece is not None
    form = draw(st.sampled_from(["{}", "{} ", " {}", "\n{}\n", "={}", "-{}", ": {}"]))
    start, end = draw(st.sampled_from([piece.span(), (piece.end(),) * 2, (piece.start(),) * 2]))
    return text[:start] + form.format(secret) + text[end:]


_WHOLE = whole()
_PROPERTIES = st.sampled_from(sorted(_WHOLE.properties))
_PLACES: dict[str, Any] = {
    **{f"answer {name}": st.just(name) for name in _WHOLE.answers},
    "property": _PROPERTIES,
    "property name": _PROPERTIES,
    **{f"hello {name}": st.just(name) for name in ("abi", "kernel", "selinux")},
    **{f"host {name}": st.just(name) for name in ("adb_path", "version", "server")},
    **{f"backend {name}": st.just(name) for name in ("name", "errno", "why")},
    **{name: st.just("") for name in ("failed", "root", "no_root", "no_shell", "check")},
}


@st.composite
def betrayed(draw: st.DrawFn, place: str, secret: str) -> tuple[Facts, list[Check]]:
    """Return all of a device's answers with a secret in one of them."""
    name = draw(_PLACES[place])
    kind = place.removesuffix(f" {name}")

    def put(text: str) -> str:
        return draw(planted(text, secret))

    facts, more = _WHOLE, []
    if kind == "answer":
        text = put(facts.answers[name].text)
        facts = replace(facts, answers={**facts.answers, name: Answer(text, 0)})
    elif kind == "failed":
        failed = Answer("", 1, f"cat: {secret}: {secret}")
        facts = replace(facts, answers=dict.fromkeys(facts.answers, failed))
    elif kind == "property":
        properties = {**facts.properties, name: put(facts.properties[name])}
        facts = replace(facts, properties=properties)
    elif kind == "property name":
        facts = replace(facts, properties={**facts.properties, put(name): secret})
    elif kind == "hello":
        assert facts.hello is not None
        update: dict[str, Any] = {name: put(getattr(facts.hello, name))}
        facts = replace(facts, hello=msgspec.structs.replace(facts.hello, **update))
    elif kind == "host":
        assert facts.host is not None
        told: dict[str, Any] = {name: put(getattr(facts.host, name))}
        facts = replace(facts, host=replace(facts.host, **told))
    elif kind == "backend":
        one = facts.backends["proc_reclaim"]
        said = msgspec.structs.replace(one, **{name: put(getattr(one, name))})
        facts = replace(facts, backends={**facts.backends, said.name: said})
    elif kind == "root":
        facts = replace(facts, root=put("su -c"))
    elif kind == "no_root":
        facts = replace(facts, root=None, no_root=put("no root: adbd: uid 2000; su -c: uid 2000"))
    elif kind == "no_shell":
        facts = replace(facts, root=None, no_root="no root: su: not found", no_shell=put("denied"))
    else:
        more = [
            Check(draw(st.sampled_from(["device", "new", "backend x", "lmkd x", secret])),
                  CheckState.FAIL, put("not there"), None),
            Check("device", CheckState.FAIL, "none", secret),
        ]  # fmt: skip
    return facts, more


_BASE = report(_WHOLE)


@pytest.mark.parametrize("place", _PLACES)
@settings(max_examples=examples(40))
@given(data=st.data(), secret=_SECRETS)
def test_a_secret_in_any_place_of_any_source_never_comes_through(
    place: str, data: Any, secret: str
) -> None:
    assume(secret not in _BASE)
    facts, more = data.draw(betrayed(place, secret))
    text = report(facts, *more)
    assert secret not in text
    for word in re.findall(r"[A-Za-z]{6,}|[0-9]{10,}", secret):
        assert word not in text or word in _BASE, word


@pytest.mark.parametrize(
    ("release", "kept"),
    [
        ("4.14.186-perf+", "4.14.186-perf+"),
        ("6.1.0-56-cloud-amd64", "6.1.0-56-cloud-amd64"),
        ("4.19.191-JaneKernel-v3", "4.19.191-<word>-<word>"),
        ("4.19.191-555-123-4567", "4.19.191-<word>-<word>-<word>"),
        ("4.19.191 #1 jane@host", f"4.19.191 {LEFT_OUT}"),
        ("8.8.8.8", LEFT_OUT),
    ],
)
def test_a_kernel_s_release_keeps_what_every_maker_writes(release: str, kept: str) -> None:
    assert kernel_release(release) == kept


def test_a_text_that_no_shape_is_made_for_is_left_out_and_counted() -> None:
    assert carried("nobody knows", "a\nb\n\nc") == "<3 left out>"
    assert carried("freezer", "odd\nenabled\nodd") == "<1 left out>\nenabled\n<1 left out>"


@pytest.mark.parametrize(("what", "words"), [(what, words) for what, words, _ in remarks._KINDS])
@pytest.mark.parametrize("count", [1, 2])
def test_what_logs_say_besides_kills_is_carried(what: str, words: str, count: int) -> None:
    told = Facts({}, remarks=(remarks.Remark(what, words, count),))
    [check] = [one for one in device_checks(told) if one.name.startswith("log ")]
    assert check.fact in report_text([check], {}, "0.1", [])


def test_the_serial_is_gone_in_any_case_and_inside_words() -> None:
    assert "r58m12" not in without(["R58M12ABCDE"], "/dev/r58m12abcde_x").lower()


@pytest.mark.parametrize("name", LMK_SETTINGS)
def test_no_setting_that_decides_a_kill_is_left_out(name: str) -> None:
    assert re.fullmatch(SETTING, name)
