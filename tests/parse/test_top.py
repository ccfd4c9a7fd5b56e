"""top of toybox and toolbox."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.top import parse_top


def test_threads_of_a_batch_run(capture):
    (top,) = parse_top(capture("top/android13-mtk_tb8168-healer-top_b_n1_H.txt"))
    composer = next(row for row in top.rows if row.tid == 450)

    assert len(top.rows) == top.counts["total"] == 1311
    assert top.memory_bytes["free"] == 530420 * 1024
    assert top.swap_bytes["used"] == 0
    assert composer.cells["PCY"] == ""
    assert composer.thread == "composer@2.1-se"
    assert composer.name == "android.hardware.graphics.composer@2.1-service"


def test_what_an_interactive_run_leaves_in_a_terminal(capture):
    (top,) = parse_top(capture("top/android13-mtk_tb8168-healer-top_interactive_escapes.txt"))

    assert (len(top.rows), top.counts["running"]) == (20, 1)
    assert (top.rows[0].name, top.rows[0].cpu_percent) == ("top -n 1 -m 20", 16.6)
    assert top.rows[1].name.endswith("+")


def test_negative_use_pushed_out_of_line(capture):
    (top,) = parse_top(capture("top/android14_15-vendor_negative_cpu_excerpt.txt"))

    assert [row.cpu_percent for row in top.rows[-2:]] == [-31.5, -44.5]
    assert top.rows[-1].rss_bytes == 255 * 1024**2
    assert top.counts["zombie"] == 3


def test_toolbox_with_threads_that_hold_blanks(capture):
    (top,) = parse_top(capture("top/android6_16-aosp_docs_and_vendor.txt"))

    assert (len(top.rows), top.memory_bytes) == (12, {})
    assert (top.rows[1].thread, top.rows[1].name) == ("Signal Catcher", "com.google.android.talk")
    assert (top.rows[1].user, top.rows[1].rss_bytes) == ("u0_a27", 101188 * 1024)
    assert top.rows[0].name == "kworker/0:2"


def test_a_whole_core_and_sizes_in_three_units():
    (top,) = parse_top(
        "  Mem:  3.5G total,  512M used,     4K free\n"
        "  PID USER PR  NI VIRT  RES S[%CPU] TIME+ ARGS\n"
        "  900 u0_a1 RT -10 5.1G 223M S 100. 100:02.03 a.b -x y\n"
    )

    assert (top.rows[0].cpu_percent, top.rows[0].name) == (100.0, "a.b -x y")
    assert top.memory_bytes == {"total": 3584 * 1024**2, "used": 512 * 1024**2, "free": 4096}


def test_two_rounds_are_two_screens():
    screen = "Tasks: 1 total, 1 running\n  PID USER S[%CPU] ARGS\n    1 root S 0.0 init\n"

    assert len(parse_top(screen * 2)) == 2


@pytest.mark.parametrize("text", ["", "Tasks: 1 total, 1 running\n", "top: not integer: cpu\n"])
def test_a_top_without_processes_is_refused(text):
    with pytest.raises(ParseError):
        parse_top(text)
