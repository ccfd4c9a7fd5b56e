"""Every parser, fed with every capture and with mangled text: a value or ParseError, and soon."""

import contextlib
import gc
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.activity.exits import parse_exit_info, parse_lmk
from droidreclaim.parse.activity.joined import running_processes
from droidreclaim.parse.activity.launch import parse_launch, parse_launches
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.activity.packages import (
    parse_packages_list,
    parse_pm_list,
)
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.activity.starts import parse_start_info
from droidreclaim.parse.text.sections import split_activity_dump

SEED = 20261123
LIMIT_S = 1.0
CUT = 32 * 1024

# Each parser, and the kinds of capture it is for.
PARSERS: dict[Callable[[str], object], tuple[str, ...]] = {
    parse_processes: ("dumpsys_activity_processes", "dumpsys_activity_oom"),
    parse_lru: ("dumpsys_activity_lru",),
    parse_exit_info: ("dumpsys_activity_exit_info",),
    parse_lmk: ("dumpsys_activity_lmk",),
    parse_settings: ("dumpsys_activity_settings",),
    parse_launches: ("am_start",),
    parse_meminfo_app: ("dumpsys_meminfo_app", "dumpsys_meminfo_device"),  # one holds app blocks
    parse_pm_list: ("pm_list_packages",),
    parse_packages_list: ("packages_list",),
    parse_launch: (),
    parse_memory_limiter: (),
    parse_start_info: (),
}
# Texts for parsers without a capture.
WRITTEN: dict[Callable[[str], object], tuple[bytes, ...]] = {
    parse_start_info: (
        b"ACTIVITY MANAGER LRU PROCESSES (dumpsys activity start-info)\n  package: a.b\n"
        b"        ApplicationStartInfo #0:\n pid=0 realUid=1 packageUid=1 definingUid=-1 user=0\n"
        b" package=a.b process=a.b startupState=2 reason=JOB startType=COLD launchMode=0\n"
        b" timestamps: 0=5 4=6 \n",
    ),
    parse_memory_limiter: (
        b"Memory limiter\n  enabled  monitoring=true  ignored=none\n"
        b"  visibleMem=1800MB visibleSwap=900MB notVisibleMem=900MB notVisibleSwap=450MB\n"
        b"  started=30 watched=30 events=2\n",
    ),
    parse_launch: (
        b"Starting: Intent { cmp=a.b/.C }\nStatus: ok\nLaunchState: COLD\nActivity: a.b/.C\n"
        b"TotalTime: 1234\nWaitTime: 1240\nComplete\n",
    ),
}
EVERY = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)

HOSTILE_LINES = (
    "1" * 1_000_000,
    " " * 1_000_000 + "x",
    "a:" * 500_000,
    "Proc # 0: " + "a " * 500_000,
    "Proc # 0: fore T/A/TOP trm: 0 1:" + "a/" * 500_000 + " (x)",
    "    #0: fg " + "A" * 1_000_000,
    "  *APP* UID 1 ProcessRecord{" + "{ " * 500_000,
    "package:" + "=" * 1_000_000,
    "1,2K: " + "(pid 1)" * 150_000,
    "TOTAL: " + "1-" * 500_000,
    "4," * 500_000,
    "- " * 500_000,
    "------ " * 150_000,
    "topResumedActivity=" + "ActivityRecord{a u0 " * 50_000,
    "*** SERVICE '" * 80_000,
    "UID 1: UidRecord{" * 60_000,
    " TOTAL" * 170_000,
    "a.b" * 330_000 + "Exception",
    "avc: denied { " * 70_000,
)
TITLES = (
    "",
    "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n  OOM levels:\n",
    "ACTIVITY MANAGER LRU PROCESSES (dumpsys activity lru)\n",
    "ACTIVITY MANAGER PROCESS EXIT INFO\n  package: a\n        ApplicationExitInfo #0:\n",
    "** MEMINFO in pid 1 [a] **\n  Pss\n  Total\n ---- ---- ----\n",
)


def _kinds(fixtures: Path) -> list[Path]:
    return sorted(fixtures.glob("*/*.txt"))


def _outcome(parser: Callable[[str], object], text: str) -> object:
    """The value, or the ParseError; any other exception and any delay fails."""
    start = time.process_time()
    try:
        outcome = parser(text)
        if parser is parse_processes:
            running_processes(outcome)
    except ParseError as error:
        outcome = error
    assert time.process_time() - start < LIMIT_S
    return outcome


@EVERY
def test_a_capture_of_another_kind_is_refused(
    parser: Callable[[str], object], fixtures: Path
) -> None:
    for path in _kinds(fixtures):
        if path.parent.name in PARSERS[parser]:
            continue
        outcome = _outcome(parser, path.read_bytes().decode("utf-8", "replace"))
        assert isinstance(outcome, ParseError), f"{path} gave {str(outcome)[:200]}"


@EVERY
@pytest.mark.parametrize("end", ["\r\n", "\r\r\n"], ids=["crlf", "crcrlf"])
def test_carriage_returns_change_nothing(
    parser: Callable[[str], object], end: str, fixtures: Path
) -> None:
    for kind in PARSERS[parser]:
        for path in sorted((fixtures / kind).glob("*.txt")):
            text = path.read_bytes().decode("utf-8", "replace").replace("\r", "")
            assert str(_outcome(parser, text.replace("\n", end))) == str(_outcome(parser, text))


@EVERY
@pytest.mark.parametrize("text", ["", "\n", " \r\n\r\n", "\0", "\x1b[2J", "\ufffd" * 100])
def test_text_without_content_is_refused(parser: Callable[[str], object], text: str) -> None:
    assert isinstance(_outcome(parser, text), ParseError)


@EVERY
def test_a_dump_that_timed_out_is_refused(parser: Callable[[str], object], fixtures: Path) -> None:
    ending = "\n*** SERVICE 'x' DUMP TIMEOUT (10000ms) EXPIRED ***\n"
    for kind in PARSERS[parser]:
        for path in sorted((fixtures / kind).glob("*.txt")):
            outcome = _outcome(parser, path.read_bytes().decode("utf-8", "replace") + ending)
            assert isinstance(outcome, ParseError)
            assert "timeout" in str(outcome)


@EVERY
def test_a_line_of_a_megabyte_takes_no_time(parser: Callable[[str], object]) -> None:
    for title in TITLES:
        for line in HOSTILE_LINES:
            _outcome(parser, f"{title}{line}\n")


@EVERY
def test_a_parser_is_not_quadratic(parser: Callable[[str], object], fixtures: Path) -> None:
    assert _growth(parser, fixtures, 50_000) < 40  # 100 if it were; a shared machine is noisy


@pytest.mark.campaign
@EVERY
def test_ten_times_the_text_takes_at_most_twelve_times_the_time(
    parser: Callable[[str], object], fixtures: Path
) -> None:
    # A busy machine may spoil one measurement; a parser that is not linear spoils all.
    assert any(_growth(parser, fixtures, 1_000_000) < 12 for _ in range(3))


def _growth(parser: Callable[[str], object], fixtures: Path, characters: int) -> float:
    """Time for ten times a capture over the time for the capture, at least *characters* long."""
    worst = 0.0
    for kind in PARSERS[parser]:
        largest = max((fixtures / kind).glob("*.txt"), key=lambda path: path.stat().st_size)
        text = largest.read_bytes().decode("utf-8", "replace")
        text *= 1 + characters // len(text)
        worst = max(worst, _fastest_s(parser, text * 10) / _fastest_s(parser, text))
    return worst


def _fastest_s(parser: Callable[[str], object], text: str) -> float:
    def once() -> float:
        start = time.process_time()
        with contextlib.suppress(ParseError):
            parser(text)
        return time.process_time() - start

    gc.disable()
    try:
        return min(once() for _ in range(3))
    finally:
        gc.enable()


def test_cutting_a_dump_into_parts_survives_anything(fixtures: Path) -> None:
    for path in _kinds(fixtures):
        _outcome(split_activity_dump, path.read_bytes().decode("utf-8", "replace"))
    for line in HOSTILE_LINES:
        _outcome(split_activity_dump, line)


@EVERY
def test_random_text_is_refused(parser: Callable[[str], object]) -> None:
    _refuses_random_text(parser, 2000)


@EVERY
def test_mangled_captures_give_a_value_or_parse_error(
    parser: Callable[[str], object], fixtures: Path
) -> None:
    _survives_mangled_captures(parser, fixtures, 2000)


@pytest.mark.campaign
@EVERY
def test_campaign_of_random_and_mangled_captures(
    parser: Callable[[str], object], fixtures: Path
) -> None:
    _refuses_random_text(parser, 10_000)
    _survives_mangled_captures(parser, fixtures, 20_000)


def _refuses_random_text(parser: Callable[[str], object], count: int) -> None:
    choose = random.Random(SEED)
    for _ in range(count):
        size = choose.randrange(1, 400)
        characters = (chr(choose.randrange(1, choose.choice((128, 0xD7FF)))) for _ in range(size))
        text = "".join(characters)
        assert isinstance(_outcome(parser, text), ParseError), repr(text)


def _survives_mangled_captures(parser: Callable[[str], object], fixtures: Path, count: int) -> None:
    choose = random.Random(SEED)
    texts = [p.read_bytes()[:CUT] for kind in PARSERS[parser] for p in (fixtures / kind).glob("*")]
    texts += WRITTEN.get(parser, ())
    others = [p.read_bytes()[:4096] for p in _kinds(fixtures)]
    for _ in range(count):
        mangled = _mangle(choose, choose.choice(texts), others)
        _outcome(parser, mangled.decode("utf-8", "replace"))


def _mangle(choose: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A piece of a capture with bytes, lines or numbers changed, cut, repeated or foreign."""
    start = choose.randrange(len(data)) if choose.random() < 0.5 else 0
    piece = bytearray(data[start : start + choose.randrange(1, 4096)])
    for _ in range(choose.randrange(1, 6)):
        at = choose.randrange(len(piece) + 1)
        what = choose.randrange(6)
        if what == 0:
            piece[at : at + 1] = bytes([choose.randrange(256)])
        elif what == 1:
            del piece[at : at + choose.randrange(1, 40)]
        elif what == 2:
            piece[at:at] = piece[at : at + choose.randrange(1, 200)]
        elif what == 3:
            piece[at:at] = b"9" * choose.randrange(1, 6000)
        elif what == 4:
            piece[at:at] = choose.choice((b"\n", b"\r", b" ", b"-", b"=", b"{", b")", b"\x1b[0m"))
        else:
            piece[at:at] = choose.choice(others)[: choose.randrange(1, 300)]
    return bytes(piece)
