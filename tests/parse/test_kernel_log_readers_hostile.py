"""Every reader of kernel text and logs against every other kind of text, and against noise."""

import contextlib
import random
import time
from pathlib import Path

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills import events, logcat
from droidreclaim.parse.kills import log as kills
from droidreclaim.parse.proc import kernel, process, swap, zoneinfo
from droidreclaim.parse.shell import props, ps

SEED = 20261123
LONGEST = 32 * 1024

# Reader, and the kinds of capture it may read; all others it has to refuse.
READERS = {
    "events": (
        lambda text: events.parse_events(logcat.parse_logcat(text)),
        {"logcat_events", "logcat_system"},
    ),
    "getprop": (props.parse_getprop, {"getprop"}),
    "kills": (kills.parse_kills, {"kernel_lmk", "logcat_events", "logcat_system"}),
    "logcat": (logcat.parse_logcat, {"logcat_events", "logcat_system"}),
    "meminfo": (kernel.parse_meminfo, {"proc_meminfo"}),
    "mm_stat": (swap.parse_zram_mm_stat, {"zram_mm_stat"}),
    "pressure": (kernel.parse_pressure, {"proc_pressure"}),
    "ps": (ps.parse_ps, {"ps"}),
    "stat": (process.parse_stat, set()),
    "status": (process.parse_status, {"proc_pid_status"}),
    "swaps": (swap.parse_swaps, {"proc_swaps"}),
    "vmstat": (kernel.parse_vmstat, {"proc_vmstat"}),
    "zoneinfo": (zoneinfo.parse_zoneinfo, {"proc_zoneinfo"}),
}

HEADS = (
    "", "Killing '", "Reclaim 'x' (1), uid 1, oom_score_adj 1", "Process ", "Killing 1:a",
    "I/", "12-12 12:12:12.123 1 2 I ", "01-01 00:00:00.000  1  1 I am_kill : [0,1,",
    "01-01 00:00:00.000  1  1 I lmkd: Kill 'x' (1), uid 1, adj 1",
    "01-01 00:00:00.000  1  1 I ActivityManager: Killing 1:",
    "[a]: [", "USER PID PPID VSZ RSS WCHAN ADDR S NAME\n", "PID NAME ARGS CMD PCY\n1 ",
    "PID TID USER PR  NI[%CPU]S VIRT  RES PCY CMD  NAME\n1 1 root 20 0 ", "MemTotal: ",
    "Node 0, zone Normal\n", "0-1 r-xp 0 0:0 0 ", "List of devices attached\n", "uid=0 gid=0 ",
    "1 (", "Name:", "  PID Vss Rss Pss Uss cmdline\n", "--- ---\n", "lowmemorykiller: Killing '",
    "Killed process 1 (", "<6>[ 1.000] ",
)  # fmt: skip
BODIES = (
    " ", "\t", "a", "1", "' (", "1 ", "a ", "a: ", "/u0a1", "1K ", "\\x0a", "(", " (pid ", "- ",
    "1,", "x:y ", "\x1b[", "[ 1.000] ", "device ", ", anon-rss:", " to free ", " because",
)  # fmt: skip


def run(reader, text):
    started = time.process_time()  # a busy machine is no slow reader
    with contextlib.suppress(ParseError):
        reader(text)
    return time.process_time() - started


@pytest.fixture(scope="session")
def captures(fixtures):
    return {
        path.relative_to(fixtures): path.read_bytes().decode("utf-8", "replace")
        for path in sorted(Path(fixtures).glob("*/*.txt"))
    }


@pytest.mark.parametrize("name", READERS)
def test_text_of_another_kind_is_refused(captures, name):
    reader, kinds = READERS[name]
    for path, text in captures.items():
        if path.parent.name not in kinds:
            with pytest.raises(ParseError):
                reader(text)


def mutate(rng, text):
    """Cut a window out of *text*, then damage it in a few places."""
    start = rng.randrange(len(text) + 1) if rng.random() < 0.3 else 0
    longest = LONGEST if rng.random() < 0.1 else LONGEST // 8
    piece = list(text[start : start + rng.randrange(1, longest)])
    for _ in range(rng.randrange(12)):
        at = rng.randrange(len(piece) + 1)
        noise = rng.choice(["\n", "\0", "\x1b[7m", "9" * 30, "-", "[", "]", "\u2028", "\u0661", ""])
        piece[at : at + rng.randrange(9)] = noise
    return "".join(piece)


def noise(rng):
    size = rng.randrange(2000)
    if rng.random() < 0.5:
        return rng.randbytes(size).decode("utf-8", "surrogateescape")
    return "".join(rng.choices(" \n\t[](){}:,.-/'=#%0123456789abkKBrwxp", k=size))


def fuzz(captures, name, rounds):
    reader, kinds = READERS[name]
    rng = random.Random(f"{SEED} {name}")
    own = [text for path, text in captures.items() if path.parent.name in kinds]
    every = list(captures.values())
    for _ in range(rounds):
        assert run(reader, noise(rng)) < 1
        source = own if own and rng.random() < 0.8 else every
        assert run(reader, mutate(rng, rng.choice(source))) < 1


@pytest.mark.parametrize("rounds", [2_000, pytest.param(20_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", READERS)
def test_damaged_captures_and_noise_end_in_a_value_or_a_parse_error(captures, name, rounds):
    fuzz(captures, name, rounds)


@pytest.mark.parametrize("name", READERS)
def test_one_long_line_does_not_hang(name):
    reader, _ = READERS[name]
    for head in HEADS:
        for body in BODIES:
            text = head + body * (20_000 // len(body))
            assert run(reader, text) < 1, (name, head, body)


@pytest.mark.campaign
@pytest.mark.parametrize("name", READERS)
def test_campaign_of_lines_of_a_megabyte(name):
    reader, _ = READERS[name]
    for head in HEADS:
        for body in BODIES:
            text = head + body * (1_000_000 // len(body))
            assert run(reader, text) < 1, (name, head, body)
