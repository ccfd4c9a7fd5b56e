"""Heads of ANR reports in dropbox."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.anr import parse_anr_head


@pytest.mark.parametrize(
    ("number", "who", "pressure", "swap_kib"),
    [(1, (8696, 10194), (33239854, 0.56), 19652), (2, (5496, 10192), (15347395, 2.17), 19144)],
)
def test_who_hung_under_which_pressure(capture, number, who, pressure, swap_kib):
    head = parse_anr_head(capture(f"anr_dropbox_psi/android14-emulator-vipadm-{number}.txt"))

    assert (head.pid, head.uid) == who
    assert head.process == "vip.com.vipmeetings"
    assert (head.package, head.foreground, head.frozen) == ("vip.com.vipmeetings", True, False)
    memory, io = head.pressure["memory"].some, head.pressure["io"].some
    assert (memory.total_us, io.avg60_percent) == pressure
    assert head.sizes_bytes["VmSwap"] == swap_kib * 1024
    assert head.subject == "No response to onStartJob"
    assert "Cmd line" not in head.fields


def test_an_old_head_without_pressure():
    head = parse_anr_head("Process: com.example\nFlags: 0x1\nPackage: com.example v1 (1.0)\n\nX\n")

    assert (head.pid, head.pressure, head.foreground) == (None, {}, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PID: 12\nProcess: a\n",
        "Process: a\n----- Output from /proc/pressure/memory -----\nsome avg10=0.00\n",
        "Process: a\n----- Output from /proc/pressure/io -----\nx\n"
        "----- End output from /proc/pressure/io -----\n",
    ],
)
def test_a_head_that_is_cut_or_of_something_else_is_refused(text):
    with pytest.raises(ParseError):
        parse_anr_head(text)
