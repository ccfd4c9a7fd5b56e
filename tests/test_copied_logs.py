# ruff: noqa: E501
"""Logs as other programs print, keep and copy them: the same one kill, its adj, reason and time."""

from __future__ import annotations

import csv
import io
import json
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from droidreclaim.errors import ParseError
from droidreclaim.inspect import captured, kills
from droidreclaim.parse.kills.records import KilledBy

KILL = (
    "Kill 'com.example.game' (4321), uid 10123, oom_score_adj 905 to free 83468kB rss, 1024kB swap;"
    " reason: low watermark is breached"
)
MAIN = (
    ("lowmemorykiller", 206, KILL),
    ("ActivityManager", 1500, "Process com.example.game (pid 4321) has died: cch+5 CEM"),
)
EVENTS = (
    ("am_kill", 1500, "[0,4321,com.example.game,905,empty #17]"),
    ("am_proc_died", 1500, "[0,4321,com.example.game,905,19,887,2356]"),
)
OTHERS = (("MyApp", 99, "hello"), ("MyApp", 99, "world of logs"), ("MyApp", 99, "another"))
DRIVER = (
    "lowmemorykiller: Killing 'om.example.game' (4321), adj 905,",
    "   to free 83468kB on behalf of 'kswapd0' (136) because",
    "   cache 70000kB is below limit 73728kB for oom_score_adj 529",
    "   Free memory is 15088kB above reserved",
)
OOM = (
    "Out of memory: Killed process 4321 (om.example.game) total-vm:1234kB, anon-rss:83468kB,"
    " file-rss:0kB, shmem-rss:0kB, UID:10123 pgtables:400kB oom_score_adj:905",
)
Form = Callable[[str, int, str], str]


def threadtime(tag: str, pid: int, message: str) -> str:
    return f"11-28 09:00:00.123 {pid:5d} {pid:5d} I {tag:<8}: {message}"


def row(tag: str, pid: int, message: str, **form: int) -> str:
    out = io.StringIO()
    writer = csv.writer(out, **form)  # type: ignore[arg-type]
    writer.writerow([1, "11-28", "09:00:00.123", pid, pid, "I", tag, message, "E22"])
    return out.getvalue().strip()


# A machine's own time, the name of a job or of a device, before each line.
PREFIXES = {
    "GitHub Actions": "2026-11-28T09:00:01.1234567Z ",
    "GitHub Actions, gh run view": "test\tRun tests\t2026-11-28T09:00:01.1234567Z ",
    "GitLab": "2026-11-28T09:00:01.123456Z 01O ",
    "Jenkins": "[2026-11-28T09:00:01.123Z] ",
    "Jenkins, time of day": "09:00:01  ",
    "Appium": "2026-11-28 09:00:01:123 [Logcat] ",
    "ts": "Nov 28 09:00:01 ",
    "docker compose": "redroid_1  | ",
    "several devices": "[emulator-5554] ",
    "cat -n": "  1234\t",
}
# Forms that other programs give an entry, and whether it has a date and a time there.
FORMS: dict[str, Form] = {
    "Eclipse": lambda t, p, m: f"11-28 09:00:00.123: I/{t}({p}): {m}",
    "DDMS": lambda t, p, m: f"11-28 09:00:00.123: INFO/{t}({p}): {m}",
    "LSPosed": lambda t, p, m: f"[ 2026-11-28T09:00:00.123     1000:{p:6d}:{p:6d} I/{t:<16}] {m}",
    "syslog": lambda t, p, m: f"Nov 28 09:00:00 host {t}[{p}]: {m}",
    "syslog without a pid": lambda t, p, m: f"Nov  8 09:00:00 host {t}: {m}",
    "syslog, ISO time": lambda t, p, m: f"2026-11-28T09:00:00.123456+01:00 host {t}[{p}]: {m}",
    "syslog, RFC 5424": lambda t, p, m: f"<14>1 2026-11-28T09:00:00.123Z host {t} {p} - - {m}",
    "rogcat": lambda t, p, m: f"11-28 09:00:00.123 {t:>20} ({p:>5} {p:>5}) I {m}",
    "square brackets": lambda t, p, m: f"11-28 09:00:00.123 I/{t}[{p}]: {m}",
    "CSV": row,
    "CSV, all quoted": lambda t, p, m: row(t, p, m, quoting=csv.QUOTE_ALL),
    "tabs": lambda t, p, m: f"11-28 09:00:00.123\t{p}\t{p}\tI\t{t}\t{m}",
    "Markdown table": lambda t, p, m: f"| 11-28 09:00:00.123 | {p} | {p} | I | {t} | {m} |",
    "JSON lines": lambda t, p, m: json.dumps(
        {"time": "2026-11-28T09:00:00.123Z", "pid": p, "tag": t, "level": "I", "message": m}
    ),
    "JSON lines, nested": lambda t, p, m: json.dumps(
        {"@timestamp": "2026-11-28T09:00:00.123Z", "log": {"Tag": t, "msg": m}}
    ),
    "docker": lambda t, p, m: json.dumps({"log": threadtime(t, p, m) + "\n", "stream": "stdout"}),
    "logfmt": lambda t, p, m: f'time=2026-11-28T09:00:00.123Z level=info tag={t} pid={p} msg="{m}"',
    "Studio, compact": lambda t, p, m: f"09:00:00.123 {t:<23} I  {m}",
    "React Native": lambda t, p, m: f"09:00:00 I | {t} ▶︎ {m}",
    "a saved page": lambda t, p, m: (
        f"<span class=i>{threadtime(t, p, m).replace(chr(39), '&#39;')}</span><br>"
    ),
}
WITHOUT_A_TIME: dict[str, Form] = {
    "pidcat": lambda t, p, m: f"{t:>23}  I  {m}",
    "flutter": lambda t, p, m: f"[  +12 ms] I/{t} ({p:5d}): {m}",
    "process with a uid": lambda t, p, m: f"I( 1000:{p:5d}) {m}  ({t})",
}
KERNEL_FORMS = {
    "dmesg": ("[  149.950550] ", "149.950550"),
    "dmesg -r": ("<6>[  149.950550] ", "149.950550"),
    "dmesg -x": ("kern  :info  : [  149.950550] ", "149.950550"),
    "dmesg -d": ("[  149.950550 <    0.000001>] ", "149.950550"),
    "dmesg -T": ("[Sat Nov 28 09:00:00 2026] ", "2026-11-28T09:00:00.000"),
    "dmesg -T -x": ("kern  :info  : [Sat Nov 28 09:00:00 2026] ", "2026-11-28T09:00:00.000"),
    "dmesg --time-format iso": ("2026-11-28T09:00:00,123456+01:00 ", "2026-11-28T09:00:00.123"),
    "dmesg -e": ("[Nov28 09:00] ", None),
    "syslog": ("Nov 28 09:00:00 host kernel: ", "Nov 28 09:00:00"),
    "syslog with both times": ("Nov 28 09:00:00 host kernel: [  149.950550] ", "Nov 28 09:00:00"),
    "CONFIG_PRINTK_CALLER": ("[  149.950550][  T136] ", "149.950550"),
    "a vendor's": ("<6>[  149.950550]  [0:        kswapd0:  136] ", "149.950550"),
}


def of_text(tmp_path: Path, text: str) -> kills.Kills:
    path = tmp_path / "capture.txt"
    path.write_text(text)
    return kills.of_capture(path, since_s=None)


def lines_of(form: Form, said: tuple[tuple[str, int, str], ...]) -> str:
    return "".join(f"{form(*one)}\n" for one in (*OTHERS, *said, *OTHERS))


def require_the_kill(found: kills.Kills) -> None:
    (record,) = found.records
    assert (record.pid, record.oom_score_adj, found.unread) == (4321, 905, 0)
    if record.by is KilledBy.LMKD:
        assert record.reason == "low watermark is breached"
        assert record.freed_bytes == 83468 * 1024
    else:
        assert (record.by, record.reason) == (KilledBy.ACTIVITY_MANAGER, "empty #17")


@pytest.mark.parametrize("said", [MAIN, EVENTS], ids=["main", "events"])
@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_log_behind_the_time_of_a_machine_is_the_log(tmp_path, prefix, said) -> None:
    found = of_text(tmp_path, lines_of(lambda *one: prefix + threadtime(*one), said))

    require_the_kill(found)
    assert found.records[0].at == "11-28 09:00:00.123"  # the device's, not the machine's


@pytest.mark.parametrize("said", [MAIN, EVENTS], ids=["main", "events"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_log_in_the_form_of_another_program_has_the_kill_and_its_time(
    tmp_path, form, said
) -> None:
    found = of_text(tmp_path, lines_of(form, said))

    require_the_kill(found)
    assert "09:00:00" in (found.records[0].at or "")


@pytest.mark.parametrize("said", [MAIN, EVENTS], ids=["main", "events"])
@pytest.mark.parametrize("form", WITHOUT_A_TIME.values(), ids=WITHOUT_A_TIME)
def test_a_form_without_a_time_has_the_kill_and_none(tmp_path, form, said) -> None:
    found = of_text(tmp_path, lines_of(form, said))

    require_the_kill(found)
    assert found.records[0].at is None


@pytest.mark.parametrize("said", [DRIVER, OOM], ids=["driver", "oom"])
@pytest.mark.parametrize(("prefix", "at"), KERNEL_FORMS.values(), ids=KERNEL_FORMS)
def test_a_kernel_log_has_the_kill_and_its_time_in_every_form(tmp_path, prefix, at, said) -> None:
    others = ("usb 1-1: new device", "wlan: up", "cpu cpu0: freq")
    found = of_text(tmp_path, "".join(f"{prefix}{one}\n" for one in (*others, *said, *others)))

    (record,) = found.records
    assert (record.pid, record.oom_score_adj, record.at) == (4321, 905, at)
    assert record.freed_bytes == 83468 * 1024


@pytest.mark.parametrize(
    "form",
    [
        threadtime, FORMS["syslog"], FORMS["LSPosed"], FORMS["Eclipse"],
        lambda *one: PREFIXES["GitHub Actions"] + threadtime(*one),
        lambda *one: f"[Sat Nov 28 09:00:00 2026] {one[2]}",
    ],
    ids=["threadtime", "syslog", "LSPosed", "Eclipse", "GitHub Actions", "dmesg -T"],
)  # fmt: skip
def test_such_a_log_without_a_kill_is_read_and_has_none(tmp_path, form) -> None:
    found = of_text(tmp_path, lines_of(form, ()))

    assert (found.records, len(found.read)) == ((), 1)


@pytest.mark.parametrize("form", [FORMS["JSON lines"], FORMS["CSV"], FORMS["tabs"]])
def test_cells_without_a_kill_are_no_empty_answer(tmp_path, form) -> None:
    with pytest.raises(ParseError):
        of_text(tmp_path, lines_of(form, ()))


@pytest.mark.parametrize("form", [*FORMS.values(), *WITHOUT_A_TIME.values()])
def test_an_app_that_quotes_a_kill_in_any_form_has_killed_nobody(tmp_path, form) -> None:
    quoted = ((("MyApp", 99, f"lowmemorykiller: {KILL}"),) * 3,)
    try:
        found = of_text(tmp_path, lines_of(form, quoted[0]))
    except ParseError:
        return
    assert found.records == ()


@pytest.mark.parametrize(
    "form",
    [threadtime, lambda t, p, m: f"I/{t}({p:5d}): {m}", lambda t, p, m: f"11-28 09:00:00.123 I/{t}({p:5d}): {m}"],
    ids=["threadtime", "brief", "time"],
)  # fmt: skip
@pytest.mark.parametrize("said", [MAIN, EVENTS], ids=["main", "events"])
def test_lines_that_a_page_has_put_into_one_are_told_apart(tmp_path, form, said) -> None:
    require_the_kill(of_text(tmp_path, lines_of(form, said).replace("\n", " ")))


def test_a_form_without_tags_says_what_it_cannot_show(tmp_path) -> None:
    def thread(_tag: str, pid: int, message: str) -> str:
        return f"I({pid:5d}:{pid:5d}) {message}"

    require_the_kill(of_text(tmp_path, lines_of(thread, MAIN)))
    assert "no tags" in " ".join(of_text(tmp_path, lines_of(thread, EVENTS)).notes)


@pytest.mark.parametrize(
    ("line", "pid", "by"),
    [
        ("Killing proc 4321:com.example.game:remote/u0a84: crash", 4321, KilledBy.CRASH),
        ("Killing proc 4321:com.example.game/u0a84: user's request after error", 4321, KilledBy.USER),
    ],
)  # fmt: skip
def test_what_android_6_and_7_kill_after_a_crash_is_a_kill(tmp_path, line, pid, by) -> None:
    (record,) = of_text(tmp_path, threadtime("ActivityManager", 1500, line) + "\n").records

    assert (record.pid, record.by) == (pid, by)


ONE_LINE_EACH = (
    ("lmkd", "Reclaim 'com.example.a' (4321), uid 10123, oom_score_adj 905 to free 8kB rss, 1kB swap"),
    ("lmkd", "lmkd watchdog killed process 4321, oom_score_adj 905"),
    ("lmkd", KILL),
    ("killinfo", "[4321,10123,905,900,83468,3,120000,90000]"),
    ("am_kill", EVENTS[0][2]),
    ("am_proc_died", EVENTS[1][2]),
    ("30023", EVENTS[0][2]),  # am_kill, where the device lacks the file with its name
    ("10195355", "[4321,10123,905,900,83468,3,120000,90000]"),
    ("am_crash", "[4321,0,com.example.a,952680010,java.lang.Error,why,A.java,7]"),
    ("ActivityManager", "Process com.example.a (pid 4321) has died: cch+5 CEM"),
    ("ActivityManager", "Process com.example.a (pid 4321) (adj 10) has died."),
    ("ActivityManager", "Killing 4321:com.example.a/u0a123 (adj 905): empty #17"),
    ("ActivityManager", "Killing 4321:com.example.a/u0a12i3 (adj 999, setSvc -10000): empty #31"),
    ("ActivityManager", "Killing process com.example.a (pid=4321) at user's request"),
    ("ActivityManager", "Killing app com.example.a (pid 4321) because provider a.B is in dying process c"),
    ("ActivityManager", "No longer want com.example.a (pid 4321): hidden #16"),
    ("ActivityManager", "Isolated process com.example.a (pid 4321) no longer needed"),
    ("ActivityManager", "Killing PhantomProcessRecord {1a2b 4321:900:top/u0a9}: Trimming phantom processes"),
    ("Zygote", "Process 4321 exited due to signal 9 (Killed)"),
    ("Zygote", "Process 4321 terminated by signal (9)"),
    ("MyApp", "ApplicationExitInfo(timestamp=7/2/26, 5:46 PM pid=4321 realUid=1 packageUid=1 definingUid=1 user=0 process=a.b reason=3 (LOW_MEMORY) subreason=0 (UNKNOWN) status=0 importance=400 pss=0.00 rss=0.00 description=null state=empty trace=null"),
)  # fmt: skip


@pytest.mark.parametrize(("tag", "message"), ONE_LINE_EACH)
def test_every_record_is_found_among_many_lines_of_others(tmp_path, tag, message) -> None:
    quiet = "".join(f"{threadtime('MyApp', 99, str(number))}\n" for number in range(1000))

    found = of_text(tmp_path, f"{quiet}{threadtime(tag, 206, message)}\n{quiet}")

    assert [one.pid for one in found.records] == [4321]


@pytest.mark.parametrize(
    ("message", "adj", "by"),
    [
        ("Process com.example.a (pid 4321) (adj 10) has died.", 10, KilledBy.UNKNOWN),
        ("Killing 4321:com.example.a/u0a381 (adj 999, setSvc -10000): empty #31", 999, KilledBy.ACTIVITY_MANAGER),
        ("Isolated process a.b:c (pid 4321) no longer needed", None, KilledBy.ACTIVITY_MANAGER),
        ("Killing process a.b (pid=4321) at user's request", None, KilledBy.USER),
        ("Killing app a.b (pid 4321) because provider a.B is in dying process c", None, KilledBy.ACTIVITY_MANAGER),
    ],
)  # fmt: skip
def test_what_old_releases_and_vendors_say_of_an_end(tmp_path, message, adj, by) -> None:
    (record,) = of_text(tmp_path, threadtime("ActivityManager", 1500, message) + "\n").records

    assert (record.pid, record.oom_score_adj, record.by) == (4321, adj, by)


def test_a_package_that_android_4_has_stopped_is_no_unreadable_kill(tmp_path) -> None:
    stop = threadtime("ActivityManager", 1500, "Force stopping package com.example uid=10045")

    found = of_text(tmp_path, f"{stop}\n" * 3)

    assert (found.records, found.unread) == ((), 0)


def test_a_killinfo_with_the_name_in_front_is_read(tmp_path) -> None:
    event = "[com.example.game,4321,10123,905,101,83468,3,120000,90000]"

    (record,) = of_text(tmp_path, threadtime("killinfo", 206, event) + "\n").records

    assert (record.pid, record.uid, record.oom_score_adj) == (4321, 10123, 905)


def studio(said: tuple[tuple[str, int, str], ...], **change: object) -> str:
    messages = [
        {
            "header": {
                "logLevel": "INFO", "pid": pid, "tid": pid, "applicationId": "system_process",
                "processName": "system_process", "tag": tag,
                "timestamp": {"seconds": 1790000000, "nanos": 123000000},
            },
            "message": message,
        }
        for tag, pid, message in (*OTHERS, *said, *OTHERS)
    ]  # fmt: skip
    return json.dumps({"metadata": {"filter": ""}, "logcatMessages": messages} | change, indent=2)


@pytest.mark.parametrize("said", [MAIN, EVENTS], ids=["main", "events"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_android_studio_exports_is_a_log(tmp_path, said, encoding) -> None:
    path = tmp_path / "Pixel-6-Android-14_2026-11-28_090000.logcat"
    path.write_bytes(studio(said).encode(encoding))

    found = kills.of_capture(path, since_s=None)

    require_the_kill(found)
    assert found.records[0].at == "2026-09-21T14:13:20.123+00:00"


def test_an_export_without_a_kill_has_none_and_was_read(tmp_path) -> None:
    found = of_text(tmp_path, studio(()))

    assert (found.records, len(found.read)) == ((), 1)


@pytest.mark.parametrize(
    "text",
    [
        studio(MAIN)[:900], '{"logcatMessages": 7}', '{"metadata": {}}',
        '{"logcatMessages": [{"header": {"pid": "x"}}]}', '{"logcatMessages": ' + "[" * 100_000,
    ],
    ids=["cut", "no list", "no messages", "pid of letters", "nested"],
)  # fmt: skip
def test_a_damaged_export_is_exit_5_in_one_line(tmp_path, text) -> None:
    with pytest.raises(ParseError) as caught:
        of_text(tmp_path, text)

    assert "Android Studio" in str(caught.value.hint)
    assert "\n" not in str(caught.value.hint)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.dictionaries(
        st.sampled_from(["pid", "tid"]), st.integers(-(1 << 70), 1 << 70) | st.floats()
    ),
    seconds=st.integers(-(1 << 63), (1 << 64) - 1),
    message=st.text(),
    tag=st.text(),
)
def test_any_values_in_an_export_are_an_answer_or_one_line(
    tmp_path, numbers, seconds, message, tag
) -> None:
    header = {"tag": tag, "timestamp": {"seconds": seconds, "nanos": seconds}} | numbers
    try:
        found = of_text(
            tmp_path, json.dumps({"logcatMessages": [{"header": header, "message": message}]})
        )
    except ParseError:
        return
    assert found.records == ()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from([*FORMS.values(), *WITHOUT_A_TIME.values()]),
    noise=st.lists(
        st.text(string.digits + string.ascii_letters + string.punctuation + " ", max_size=200),
        max_size=8,
    ),
    said=st.sampled_from([MAIN, EVENTS]),
)
def test_a_kill_in_any_form_is_found_among_any_lines(tmp_path, form, noise, said) -> None:
    text = "\n".join([*noise, "", *(form(*one) for one in said), "", *noise])

    assert 4321 in {record.pid for record in of_text(tmp_path, text).records}


@pytest.mark.parametrize("gap", ["\t", " \t ", "\t\t"])
def test_a_table_of_ps_may_have_tabs_between_its_cells(tmp_path, gap) -> None:
    path = tmp_path / "ps.txt"
    rows = (
        ("USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"),
        ("u0_a123", "4321", "1", "14000", "98000", "0", "0", "S", "com.example.game"),
        ("root", "1", "0", "10000", "2000", "0", "0", "S", "init"),
    )  # fmt: skip
    path.write_text("".join(gap.join(one) + "\n" for one in rows))

    snapshot, _, _ = captured.captured_processes(path)

    assert {one.name: one.pid for one in snapshot.processes} == {
        "com.example.game": 4321,
        "init": 1,
    }


PS = (
    ("USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"),
    ("u0_a123", "4321", "1", "14000", "98000", "0", "0", "S", "com.example.game"),
    ("root", "1", "0", "10000", "2000", "0", "0", "S", "init"),
)
PLAIN = [" ".join(one) for one in PS]
PASTED = {
    "quoted": [f"> {one}" for one in PLAIN],
    "a CI's": [f"2026-11-28T09:00:0{at}.1234567Z {one}" for at, one in enumerate(PLAIN)],
    "numbered": [f"{at}\t{one}" for at, one in enumerate(PLAIN, start=9)],
    "a prompt": ["oriole:/ $ ps -A", *PLAIN, "oriole:/ $ ", "oriole:/ # exit"],
    "fenced": ["```", *PLAIN, "```"],
    "CSV": [",".join(one) for one in PS],
    "Markdown": ["| " + " | ".join(one) + " |" for one in (PS[0], ("---",) * 9, *PS[1:])],
    "a saved page": ["<pre>", *(f"{one}<br>" for one in PLAIN), "</pre>"],
    "indented": [f"    {one}" for one in PLAIN],
}


@pytest.mark.parametrize("lines", PASTED.values(), ids=PASTED)
def test_a_table_of_ps_is_read_out_of_a_paste(tmp_path, lines) -> None:
    path = tmp_path / "ps.txt"
    path.write_text("\n".join([*lines, ""]))

    snapshot, _, _ = captured.captured_processes(path)

    found = {one.name: (one.pid, one.memory.rss_bytes) for one in snapshot.processes}
    assert found == {"com.example.game": (4321, 98000 << 10), "init": (1, 2000 << 10)}


def test_the_names_of_procrank_are_read(tmp_path) -> None:
    path = tmp_path / "procrank.txt"
    path.write_text(
        "  PID       Vss      Rss      Pss      Uss  cmdline\n"
        " 4321  1400000K   98000K   60000K   50000K  com.example.game\n"
    )

    snapshot, _, _ = captured.captured_processes(path)

    (one,) = snapshot.processes
    assert (one.pid, one.name, one.memory.rss_bytes) == (4321, "com.example.game", 98000 << 10)
