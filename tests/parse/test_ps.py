"""ps of toolbox and toybox, and the columns people ask for."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.ps import parse_ps, toolbox_threads


def test_toybox_with_its_default_columns(capture):
    rows = parse_ps(capture("ps/android13-mtk_tb8168-healer-ps_A.txt"))
    kernel = [row for row in rows if row.name and row.name.startswith("[")]

    assert len(rows) == 343
    assert (rows[0].name, rows[0].rss_bytes) == ("init", 14648 * 1024)
    assert {row.rss_bytes for row in kernel} == {0}
    assert {row.ppid for row in kernel} == {0, 2}
    assert (rows[-1].pid, rows[-1].state, rows[-1].cells["WCHAN"]) == (6178, "R", "0")


def test_threads_with_contexts_wherever_long_cells_push_them(capture):
    rows = parse_ps(capture("ps/android13-mtk_tb8168-healer-ps_A_T_Z_threads.txt"))
    saver = next(row for row in rows if row.tid == 7280)

    assert len(rows) == 1321
    assert (saver.pid, saver.name, saver.uid) == (7261, "Profile Saver", 10059)
    assert saver.label == "u:r:untrusted_app:s0:c59,c256,c512,c768"
    assert {row.cells["PCY"] for row in rows} <= {"fg", "bg", "ta", "rt", "", "un"}


def test_toolbox_prints_the_state_without_a_header(capture):
    rows = parse_ps(capture("ps/android6-xiaomi_gityuan-toolbox.txt"))

    assert (rows[0].name, rows[0].state, rows[0].virtual_bytes) == ("/init", "S", 2108 * 1024)
    assert [row.uid for row in rows if row.name == "com.tencent.mobileqq"] == [10089]
    assert rows[1].cells["WCHAN"] == "kthreadd"


def test_threads_of_toolbox_are_rows_with_the_process_as_parent(capture):
    rows = parse_ps(capture("ps/android6-xiaomi_gityuan-toolbox_threads.txt"))

    assert [row.ppid for row in rows] == [1, 387, 387, 387, 387]
    assert rows[0].cells["PC"] == "7fa34755d4"


def test_a_picked_line_is_read_as_the_default_columns(capture):
    (row,) = parse_ps(capture("ps/android12-tv_xgimi_z6x-icesea_line.txt"))

    assert (row.pid, row.name, row.rss_bytes) == (4227, "IceSea", 5152 * 1024)


@pytest.mark.parametrize(
    ("name", "count", "pid", "thread"),
    [
        ("android-mvt_androidqf", 15, 11, "[tz_worker_threa]"),
        ("android_samsung-mvt-1", 17, 1, "init"),
    ],
)
def test_excerpts_of_samsung_and_others(capture, name, count, pid, thread):
    rows = parse_ps(capture(f"ps/{name}.txt"))

    assert len(rows) == count
    assert next(row.name for row in rows if row.pid == pid) == thread


def test_columns_asked_for_and_names_that_hold_blanks():
    rows = parse_ps(
        "  PID   UID   RSS NAME                        ARGS\n"
        "  900 10123 90000 com.example.game            com.example.game\n"
        " 1200     0   800 sh                          sh -c sleep 5 && id\r\n"
    )

    assert [(row.pid, row.uid, row.name) for row in rows] == [
        (900, 10123, "com.example.game"),
        (1200, 0, "sh"),
    ]
    assert rows[1].cells["ARGS"] == "sh -c sleep 5 && id"
    assert rows[0].ppid is None
    assert rows[0].state is None


def test_a_name_in_the_middle_may_hold_blanks():
    (row,) = parse_ps(
        "PID NAME                        RSS S\n 12 Signal Catcher              44 S\n"
    )

    assert (row.name, row.rss_bytes) == ("Signal Catcher", 44 * 1024)


def test_wchan_may_be_blank_and_policy_columns_are_kept():
    toybox = "USER  PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 5 6 0 S init\n"
    toolbox = (
        "USER   PID PPID VSIZE  RSS   PRIO NICE RTPRI SCHED PCY WCHAN    PC         NAME\n"
        "app_59 123 33   150000 30000 20   0    0     0     bg  ffffffff 00000000 S com.example\n"
    )

    assert parse_ps(toybox)[0].name == "init"
    (row,) = parse_ps(toolbox)
    assert (row.cells["PCY"], row.uid, row.state) == ("bg", 10059, "S")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "USER PID NAME\n",
        "USER PID NAME\nroot one init\n",
        "bad pid '-A'\n",
        "just some words\n",
        "USER  PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 5",
    ],
)
def test_what_is_no_ps_is_refused(text):
    with pytest.raises(ParseError):
        parse_ps(text)


def test_threads_that_toolbox_prints_as_children_are_no_processes(capture):
    rows = parse_ps(capture("ps/android6-xiaomi_gityuan-toolbox_threads.txt"))
    assert [row.name for row in rows if row.pid not in toolbox_threads(rows)] == [
        "/system/bin/vold",
        "/system/bin/sdcard",
    ]


def test_a_child_with_memory_of_its_own_and_a_kernel_thread_are_processes():
    rows = parse_ps(
        "USER     PID   PPID  VSIZE  RSS   WCHAN    PC         NAME\n"
        "root     2     0     0      0     ffffffff 00000000 S kthreadd\n"
        "root     3     2     0      0     ffffffff 00000000 S ksoftirqd/0\n"
        "root     90    1     50000  900   ffffffff 00000000 S zygote\n"
        "root     91    90    50000  900   ffffffff 00000000 S ReferenceQueueD\n"
        "u0_a1    95    90    90000  5000  ffffffff 00000000 S com.example.a\n"
        "u0_a1    96    95    90000  5000  ffffffff 00000000 S Binder_1\n"
        "u0_a1    97    95    90000  5000  ffffffff 00000000 S Binder_2\n"
    )
    assert toolbox_threads(rows) == {91, 96, 97}


@pytest.mark.parametrize("cell", ["]K", "infG", "nanM", "1e99T", "-1K", "K", "6,1M", "1_0K"])
def test_a_damaged_size_of_procrank_is_none(cell):
    (row,) = parse_ps(f"  PID    Rss cmdline\n    1  {cell:5} init\n")
    assert (row.cells["Rss"], row.rss_bytes) == (cell, None)


def test_a_rounded_size_is_bytes():
    (row,) = parse_ps("  PID    RES NAME\n    1   6.5m init\n")
    assert row.rss_bytes == 6656 * 1024
