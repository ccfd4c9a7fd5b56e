"""``ApplicationExitInfo(...)`` on one line, as apps and vendors log it."""

from __future__ import annotations

from pathlib import Path

import pytest

from droidreclaim.inspect.kills import of_capture
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.records import KilledBy
from droidreclaim.parse.text import bugreport

_REST = (
    "pid=4100 realUid=10200 packageUid=10200 definingUid=10200 user=0 process=com.example.a:b "
    "reason={reason} subreason=0 (UNKNOWN) status=0 importance=400 pss=0,00 rss=80MB "
    "description={words} state=empty trace=null"
)


def line(timestamp: str, reason: str = "3 (LOW_MEMORY)", words: str = "null") -> str:
    rest = _REST.format(reason=reason, words=words)
    return f"ApplicationExitInfo(timestamp={timestamp} {rest}"


def logged(message: str, tag: str = "ExampleApp") -> str:
    return f"07-02 17:46:12.809  1698  1700 D {tag}: {message}\n"


@pytest.mark.parametrize(
    ("reason", "by"),
    [
        ("3 (LOW_MEMORY)", KilledBy.LMKD),
        ("2 (SIGNALED)", KilledBy.UNKNOWN),
        ("4 (APP CRASH(EXCEPTION))", KilledBy.CRASH),
        ("6 (ANR)", KilledBy.ANR),
        ("10 (USER REQUESTED)", KilledBy.USER),
        ("13 (OTHER KILLS BY SYSTEM)", KilledBy.ACTIVITY_MANAGER),
        ("14 (FREEZER)", KilledBy.FREEZER),
    ],
)
def test_an_exit_that_an_app_prints_is_a_kill(reason: str, by: KilledBy) -> None:
    (kill,) = parse_kills(logged(f"last exit: {line('02/07/26, 17.46', reason)}")).records
    assert (kill.pid, kill.name, kill.uid) == (4100, "com.example.a:b", 10200)
    assert (kill.by, kill.freed_bytes, kill.source) == (by, 80 << 20, "exit-info")


@pytest.mark.parametrize("word", ["KILL BACKGROUND", "KILL_BACKGROUND"])
def test_what_was_killed_in_the_background_on_request_was_not_the_user_s_doing(word: str) -> None:
    """Android files ``am kill`` and such calls of apps under USER REQUESTED."""
    text = line("02/07/26, 17.46", "10 (USER REQUESTED)").replace("0 (UNKNOWN)", f"24 ({word})")
    (kill,) = parse_kills(logged(text)).records
    assert (kill.by, kill.reason) == (KilledBy.ACTIVITY_MANAGER, word)


@pytest.mark.parametrize(
    "reason", ["1 (EXIT_SELF)", "1 (EXIT SELF)", "1 (\u81ea\u884c\u7ed3\u675f)"]
)
def test_an_exit_of_the_app_itself_is_no_kill(reason: str) -> None:
    log = parse_kills(logged(line("02/07/26, 17.46", reason)))
    assert (log.records, log.unread) == ((), ())


@pytest.mark.parametrize(
    ("printed", "at"),
    [
        ("02/07/26, 17.46", "07-02 17:46:12.809"),  # the minute of the line: it has the seconds
        ("7/2/26, 5:46 PM", "07-02 17:46:12.809"),
        ("2026/07/02 17:46", "07-02 17:46:12.809"),
        ("02.07.26, 17:46", "07-02 17:46:12.809"),
        ("2026-07-01 08:09:10.123", "2026-07-01 08:09:10.123"),
        ("30.06.2026, 08:09", "2026-06-30 08:09:00.000"),  # no month 30: one day only
        ("6/30/26, 12:09\u202fAM", "2026-06-30 00:09:00.000"),
        ("03/04/26, 08:09", None),  # March or April
        ("\u0662\u200f/\u0667", None),
        ("1", None),
    ],
)
def test_a_time_is_told_only_where_it_can_be_one_day(printed: str, at: str | None) -> None:
    (kill,) = parse_kills(logged(line(printed))).records
    assert kill.at == at


def test_a_list_of_exits_is_as_many_kills_and_its_cut_end_is_counted() -> None:
    whole = line("2026-07-01 08:09:10.123")
    other = whole.replace("pid=4100", "pid=4200")
    log = parse_kills(logged(f"[{whole}, {other}, ApplicationExitInfo(timestamp=2026-07-01 0"))
    assert [kill.pid for kill in log.records] == [4100, 4200]
    assert len(log.unread) == 1


def test_an_exit_that_a_paste_has_wrapped_is_put_together() -> None:
    text = logged(line("02/07/26, 17.46", words="stop it, please"), "ActivityManager")
    wrapped = text.replace(" realUid", " \nrealUid").replace(" status", "\nstatus")
    (kill,) = parse_kills(f"see this:\n  {wrapped}that is all\n").records
    assert (kill.pid, kill.reason) == (4100, "stop it, please")


def test_the_line_of_a_kill_and_its_exit_are_one_kill(tmp_path: Path) -> None:
    killing = "Killing 4100:com.example.a:b/u0a200 (adj 0): stop it"
    text = logged(killing, "ActivityManager") + logged(line("02/07/26, 17.46"), "ActivityManager")
    (tmp_path / "log.txt").write_text(text)
    (kill,) = of_capture(tmp_path / "log.txt", since_s=None).records
    assert kill.oom_score_adj == 0


@pytest.mark.parametrize("before", ["", "> ", "exits: ", "12:"])
def test_an_exit_without_a_log_around_it_is_read(before: str, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(f"{before}{line('2026-07-01 08:09:10.123')}\n")
    (kill,) = of_capture(tmp_path / "note.txt", since_s=None).records
    assert (kill.pid, kill.by) == (4100, KilledBy.LMKD)


_SAYS = {
    "[Kk]ill": [("lmkd", "Kill 'a.b' (7), uid 10001, oom_score_adj 900 to free 9kB")],
    "has died": [("ActivityManager", "Process a.b (pid 7) has died: cch+5 CEM")],
    "am_proc_died": [("am_proc_died", "[0,7,a.b,900,19]")],
    "am_crash": [("am_crash", "[7,0,a.b,0,E,boom,F.java,1]")],
    "exited due to signal": [("Zygote", "Process 7 exited due to signal 9 (Killed)")],
    "terminated by signal": [("Zygote", "Process 7 terminated by signal (9)")],
    "no longer needed": [("ActivityManager", "Isolated process a.b (pid 7) no longer needed")],
    "Reclaim '": [("lmkd", "Reclaim 'a.b' (7), uid 10001, oom_score_adj 900 to free 9kB")],
    r"\b30011\b": [("30011", "[0,7,a.b,900,19]")],
    r"\b30023\b": [("30023", "[0,7,a.b,900,empty #17]")],
    r"\b30039\b": [("30039", "[7,0,a.b,0,E,boom,F.java,1]")],
    r"\b10195355\b": [("10195355", "[7,10001,905,900,83468,3,120000,90000]")],
    "Force stopping": [
        ("ActivityManager", "Force stopping a.b appid=10001 user=0: from pid 9"),
        ("ActivityManager", "Killing 7:a.b/u0a1 (adj 900): stop a.b"),
    ],
    "No longer want": [("ActivityManager", "No longer want a.b (pid 7): hidden #17")],
    "PhantomProcessRecord": [
        ("ActivityManager", "Process PhantomProcessRecord {1f 7:6:sh/u0a1} died")
    ],
    "oom_reaper": [("kernel", "[    5.000000] oom_reaper: reaped process 7 (a.b), now anon-rss:0")],
    "am_freeze": [("am_freeze", "[7,a.b]")],
    "[Ff]reezing ": [("ActivityManager", "freezing 7 a.b")],
    "[Ff]roze ": [("ActivityManager", "froze 7 a.b")],
    "while frozen": [
        ("ActivityManager", "pid 7 a.b received sync transactions while frozen, killing")
    ],
    "Error allocating memory": [
        ("kernel", "zram: Error allocating memory for incompressible page")
    ],
    "Write-error on ": [("kernel", "Write-error on swap-device (254:0:9)")],
    "Read-error on ": [("kernel", "Read-error on swap-device (254:0:9)")],
    r"ApplicationExitInfo\(": [("ExampleApp", line("2026-07-01 08:09:10.123"))],
}


@pytest.mark.parametrize("word", bugreport._KILL_WORDS.pattern.split("|"))
def test_each_word_that_keeps_a_line_of_a_report_keeps_one_that_is_told(
    word: str, tmp_path: Path
) -> None:
    if word in ("beginning of ", "switch to "):
        return  # the dividers of buffers: what says that a log is one, empty or not
    said = [logged(message, tag) for tag, message in _SAYS[word]]
    other = [logged(f"nothing {number}", "Other") for number in range(30)]
    report = [
        "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n", *other,
        *(text for one in said for text in (one, *other)),
        "------ 0.1s was the duration of 'SYSTEM LOG' ------\n",
    ]  # fmt: skip
    (tmp_path / "report.txt").write_text("".join(report))
    found = of_capture(tmp_path / "report.txt", since_s=None)
    assert found.records or found.remarks
    assert found.unread == 0
    if len(said) > 1:  # the first line says why
        assert found.records[0].reason == "stop a.b due to from pid 9"
