"""Every -v form of logcat."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.logcat import LogForm, parse_logcat

# One entry of pid 151, tid 163, tag am_kill, in every form logcat prints.
MESSAGE = "[0,77,com.example,900,empty #17]"
FORMS = {
    "threadtime": f"01-28 12:58:32.598   151   163 I am_kill : {MESSAGE}",
    "threadtime usec": f"01-28 12:58:32.598123   151   163 I am_kill : {MESSAGE}",
    "threadtime year UTC": f"2024-01-28 12:58:32.598 +0000   151   163 I am_kill : {MESSAGE}",
    "threadtime uid": f"01-28 12:58:32.598  1000   151   163 I am_kill : {MESSAGE}",
    "threadtime named uid": f"01-28 12:58:32.598  root   151   163 I am_kill : {MESSAGE}",
    "threadtime epoch": f"         1790448214.410   151   163 I am_kill : {MESSAGE}",
    "threadtime monotonic usec": f"     812.410123   151   163 I am_kill : {MESSAGE}",
    "threadtime colour": f"\x1b[32m01-28 12:58:32.598   151   163 I am_kill : {MESSAGE}\x1b[0m",
    "time": f"01-28 12:58:32.598 I/am_kill (  151): {MESSAGE}",
    "time uid": f"01-28 12:58:32.598 I/am_kill ( 1000:  151): {MESSAGE}",
    "brief": f"I/am_kill (  151): {MESSAGE}",
    "brief uid": f"I/am_kill ( 1000:  151): {MESSAGE}",
    "process": f"I(  151) {MESSAGE}  (am_kill)",
    "tag": f"I/am_kill : {MESSAGE}",
    "thread": f"I(  151:  163) {MESSAGE}",
    "long": f"[ 01-28 12:58:32.598   151:  163 I/am_kill  ]\n{MESSAGE}\n",
    "long uid": f"[ 01-28 12:58:32.598  1000:  151:  163 I/am_kill  ]\n{MESSAGE}\n",
    "studio": f"2024-01-28 12:58:32.598 151-163/system_process I/am_kill: {MESSAGE}",
    "stripped": f"01-28 12:58:32.598 am_kill : {MESSAGE}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", [1, 3])
def test_message_and_tag_in_every_form(form, times):
    entries = parse_logcat("--------- beginning of events\n" + f"{FORMS[form]}\r\n" * times)

    assert [entry.message.strip() for entry in entries] == [MESSAGE] * times
    tags = {entry.tag for entry in entries}
    assert tags == ({None} if form == "thread" else {"am_kill"})
    assert {entry.pid for entry in entries} == ({None} if form in {"tag", "stripped"} else {151})
    assert {entry.buffer for entry in entries} == {"events"}


def test_raw_has_to_be_asked_for():
    with pytest.raises(ParseError):
        parse_logcat("some words\nmore words\n")

    assert [e.message for e in parse_logcat("some words\nmore\n", LogForm.RAW)] == [
        "some words",
        "more",
    ]


@pytest.mark.parametrize(
    ("name", "count", "pid", "tag"),
    [
        ("logcat_events/android10_12-xiaomi-freezeit_notes", 7, 1696, "am_kill"),
        ("logcat_events/android13-mtk_tb8168-healer", 608, 832, "am_uid_running"),
        ("logcat_events/android7-xiaomi_gityuan", 8, 1053, "am_kill"),
        ("logcat_system/android13-mtk_tb8168-healer", 13, 5937, "lowmemorykiller"),
        ("logcat_system/android_oneplus-autoreward", 72, 1534, "ActivityManager"),
    ],
)
def test_every_line_of_a_capture_is_an_entry(capture, name, count, pid, tag):
    entries = parse_logcat(capture(f"{name}.txt"))

    assert len(entries) == count
    assert (entries[0].pid, entries[0].tag) == (pid, tag)
    assert all(entry.at and "\n" not in entry.message for entry in entries)


def test_the_uid_of_a_bug_report_may_be_a_name(capture):
    entries = parse_logcat(capture("logcat_system/android13-mtk_tb8168-healer.txt"))

    assert {entry.uid for entry in entries} == {"root", "1000"}


def test_a_wrapped_line_continues_and_a_cut_first_one_is_skipped():
    entries = parse_logcat(
        f"rest of a line\n{FORMS['threadtime']} and\n more\n{FORMS['threadtime']}"
    )

    assert [entry.line_number for entry in entries] == [2, 4]
    assert entries[0].message.endswith(" and\n more")


def test_an_empty_buffer_is_no_entries_and_no_text_is_an_error():
    assert parse_logcat("--------- beginning of main\n--------- beginning of system\n") == ()
    with pytest.raises(ParseError):
        parse_logcat("")
