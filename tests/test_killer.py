"""Who kills on a device: a table of devices, from what is there and what is set."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import groupby, islice
from pathlib import Path

import pytest

from droidreclaim.errors import DeviceLost, DroidReclaimError
from droidreclaim.inspect import doctor, headroom
from droidreclaim.inspect.ask import Answer
from droidreclaim.inspect.checks import Facts, device_checks
from droidreclaim.inspect.killers import facts_of
from droidreclaim.model.check import CheckState
from droidreclaim.policy import lmkd
from droidreclaim.policy.killer import Found, Killer, KillerFacts, driver_levels, killer_of
from droidreclaim.policy.lmkd_settings import sdk_of_release

DRIVER, NEW, OLD = Killer.KERNEL_DRIVER, Killer.PSI_NEW, Killer.PSI_OLD
NONE, NOT_KNOWN = Killer.NONE, Killer.NOT_KNOWN

# name: release, what is there (lmkd, driver, psi), what is set below ro.lmk, whose rules hold
DEVICES = {
    "Android 5 with the driver": (21, (False, True, False), {}, DRIVER),
    "Android 7.1 with the driver": (25, (True, True, False), {}, DRIVER),
    "Android 7.1 whose lmkd ended": (25, (False, False, False), {}, NONE),
    "Android 8.1 by vmpressure": (27, (True, False, False), {}, NOT_KNOWN),
    "Android 9 with minfree levels": (28, (True, False, False), {"use_minfree_levels": "true"},
                                      NOT_KNOWN),
    "Android 9 with PSI in the kernel": (28, (True, False, True), {}, NOT_KNOWN),
    "Android 10": (29, (True, False, True), {}, OLD),
    "Android 10 asked for the new one": (29, (True, False, True), {"use_new_strategy": "true"},
                                         OLD),
    "Android 10 without PSI": (29, (True, False, False), {}, NOT_KNOWN),
    "Android 11": (30, (True, False, True), {}, NEW),
    "Android 11 with minfree levels": (30, (True, False, True), {"use_minfree_levels": "true"},
                                       OLD),
    "Android 11 without PSI": (30, (True, False, False), {}, NOT_KNOWN),
    "Android 11 that does not use PSI": (30, (True, False, True), {"use_psi": "false"}, NOT_KNOWN),
    "Android 12 with the driver": (31, (True, True, True), {}, DRIVER),
    "Android 12L, both flags": (32, (True, False, True),
                                {"use_minfree_levels": "true", "use_new_strategy": "true"}, NEW),
    "Android 12L, the old one": (32, (True, False, True), {"use_new_strategy": "false"}, OLD),
    "Android 13 of low RAM with levels": (33, (True, False, True),
                                          {"low_ram": "true", "use_minfree_levels": "true"}, NEW),
    "Android 14 of low RAM, the old one": (34, (True, False, True),
                                           {"low_ram": "true", "use_new_strategy": "0"}, OLD),
    "Android 14": (34, (True, False, True), {}, NEW),
    "Android 14 whose lmkd ended": (34, (False, False, True), {}, NONE),
    "Android 17": (37, (True, False, True), {}, NEW),
    "Android 17 with the driver": (37, (True, True, False), {}, DRIVER),
    "Android 17 with neither": (37, (False, False, False), {}, NONE),
    "a release that nobody names": (0, (True, False, True), {}, NOT_KNOWN),
    "an lmkd that nobody sees": (34, (None, False, True), {}, NOT_KNOWN),
    "a driver that nobody sees": (34, (True, None, True), {}, NOT_KNOWN),
    "no lmkd, and a driver that nobody sees": (34, (False, None, True), {}, NOT_KNOWN),
    "PSI that nobody sees": (34, (True, False, None), {}, NOT_KNOWN),
}  # fmt: skip


@pytest.mark.parametrize(
    ("sdk", "there", "settings", "killer"), DEVICES.values(), ids=DEVICES.keys()
)
def test_the_rules_are_those_of_the_killer_that_is_there(
    sdk: int,
    there: tuple[bool | None, bool | None, bool | None],
    settings: dict[str, str],
    killer: Killer,
) -> None:
    properties = {"ro.build.version.sdk": str(sdk)} if sdk else {}
    for name, value in settings.items():
        properties["ro.config.low_ram" if name == "low_ram" else f"ro.lmk.{name}"] = value
    lmkd, driver, psi = there
    found = killer_of(KillerFacts(lmkd=lmkd, driver=driver, psi=psi), properties)
    assert found.killer is killer
    assert found.why


@pytest.mark.parametrize(
    ("kernel", "killer"),
    [
        ("5.10.198-android13", NEW),  # has no driver, and Android asks it for PSI
        ("4.19.191-perf", NOT_KNOWN),  # no driver; PSI only where somebody switched it on
        ("4.14.117-perf", NOT_KNOWN),  # may have the driver
        ("3.18.71", NOT_KNOWN),
        ("rubbish", NOT_KNOWN),
        (None, NOT_KNOWN),
    ],
)
def test_a_capture_s_kernel_tells_what_it_cannot_hold(kernel: str | None, killer: Killer) -> None:
    facts = KillerFacts(lmkd=True, kernel=kernel)
    assert killer_of(facts, {"ro.build.version.sdk": "33"}).killer is killer


def test_settings_that_were_not_captured_are_not_taken_for_the_defaults() -> None:
    facts = KillerFacts(lmkd=True, driver=False, psi=True, properties=False)
    found = killer_of(facts, {"ro.build.version.sdk": "33"})
    assert found.killer is NOT_KNOWN
    assert "getprop" in found.why


_ABSENT = Answer("ls: /sys/module: No such file or directory", 1)
_HIDDEN = Answer("ls: /sys/module: Permission denied", 1)
_MODE = "1 root system 4096 2026-11-28 01:00 /sys/module/lowmemorykiller/parameters/minfree"


def _answering(**texts: Answer) -> dict[str, Answer]:
    quiet = dict.fromkeys(("lmk-mode", "lmk-driver", "lmk-adj", "psi"), _ABSENT)
    usual = {"lmkd": Answer("312\n", 0), "kernel": Answer("6.1.25\n", 0)}
    return quiet | usual | {name.replace("_", "-"): answer for name, answer in texts.items()}


@pytest.mark.parametrize(
    ("answer", "service", "lives"),
    [
        (Answer("312", 0), None, True),
        (Answer("312", 0), "running", True),
        (Answer("312", 0), "restarting", False),  # init starts it over and over
        (Answer("", 1), "running", False),
        (Answer("", 1), None, False),
        (Answer("sh: pidof: not found", 127), None, None),  # Android 5
        (Answer("sh: pidof: not found", 127), "running", True),
        (Answer("sh: pidof: not found", 127), "stopped", False),
        (Answer("sh: pidof: not found", 127), "what", None),
    ],
)
def test_lmkd_lives_when_it_has_a_pid_or_init_says_so(
    answer: Answer, service: str | None, lives: bool | None
) -> None:
    properties = {"init.svc.lmkd": service} if service else {}
    assert facts_of(_answering(lmkd=answer), properties).lmkd is lives


@pytest.mark.parametrize(
    ("mode", "there"),
    [
        (Answer(f"-rw-rw-r-- {_MODE}", 0), True),
        (Answer(f"-rw-r--r--. {_MODE}", 0), True),
        (Answer(f"-r--r--r-- {_MODE}", 0), False),
        (_ABSENT, False),
        (_HIDDEN, None),
    ],
)
def test_the_driver_holds_where_its_levels_can_be_written(mode: Answer, there: bool | None) -> None:
    assert facts_of(_answering(lmk_mode=mode), {}).driver is there


def test_a_file_of_stalls_that_may_not_be_read_is_there() -> None:
    assert facts_of(_answering(psi=_HIDDEN), {}).psi is True
    assert facts_of(_answering(), {}).psi is False


@pytest.mark.parametrize(
    ("minfree", "adj", "levels"),
    [
        ("18432,23040\n", "0,100\n", ((18432, 0), (23040, 100))),
        ("1536,2048,4096", "0,1,15", ((1536, 0), (2048, 58), (4096, 1000))),  # oom_adj
        ("18432,23040", "0", ()),
        ("", "", ()),
        ("rubbish", "0", ()),
    ],
)
def test_levels_of_the_driver_are_pairs(
    minfree: str, adj: str, levels: tuple[tuple[int, int], ...]
) -> None:
    assert driver_levels(minfree, adj) == levels


@pytest.mark.parametrize(
    ("release", "sdk"),
    [("5.0.2", 21), ("7.1.2", 25), ("8.1.0", 27), ("10", 29), ("12", 31), ("16", 36), ("99", 0),
     ("", 0)],
)  # fmt: skip
def test_a_release_as_people_write_it_has_a_number(release: str, sdk: int) -> None:
    assert sdk_of_release(release) == sdk


def test_doctor_notices_a_dead_lmkd_and_says_what_that_means() -> None:
    facts = KillerFacts(lmkd=False, driver=False, psi=True)
    checks = {one.name: one for one in device_checks(Facts({}, killers=facts))}
    assert checks["lmkd"].state is CheckState.FAIL
    assert "does not run" in checks["lmkd"].fact
    assert checks["killer"].state is CheckState.WARN


_REPORT = """\
========================================================
== dumpstate: 2026-11-28 10:00:00
========================================================

Build: SQ3A.220705.003
Build fingerprint: 'example/phone/phone:13/TQ3A.230901/1:user/release-keys'
Kernel: Linux version 5.10.149-android13 (build@host) #1 SMP PREEMPT
------ MEMORY INFO (/proc/meminfo) ------
MemTotal:        2000000 kB
MemFree:          900000 kB
MemAvailable:    1200000 kB
Inactive(file):   100000 kB
SwapTotal:       1000000 kB
SwapFree:         250000 kB
------ 0.010s was the duration of 'MEMORY INFO' ------
{rest}"""
_PROPERTIES = """\
------ SYSTEM PROPERTIES (getprop) ------
[init.svc.lmkd]: [{lmkd}]
[ro.build.version.sdk]: [33]
------ 0.010s was the duration of 'SYSTEM PROPERTIES' ------
"""


def _report(folder: Path, rest: str = "") -> Path:
    path = folder / "bugreport.txt"
    path.write_text(_REPORT.format(rest=rest))
    return path


def test_a_report_without_getprop_has_its_release_kernel_and_swap(tmp_path: Path) -> None:
    facts, checks = doctor.of_capture(_report(tmp_path))
    said = {one.name: one.fact for one in checks}
    assert facts.properties["ro.build.version.sdk"] == "33"
    assert "Android 13 (SDK 33)" in said["android"]
    assert "booted" not in said
    assert said["kernel"] == "5.10.149-android13"
    assert said["swap"] == "732.4 MiB of 976.6 MiB used, by meminfo"
    seen, _ = headroom.of_capture(_report(tmp_path))
    assert seen.killer.killer is NOT_KNOWN
    assert (seen.swap_free_share, seen.kernel_swap_free_share) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("lmkd", "killer"), [("running", NEW), ("stopped", NOT_KNOWN), ("restarting", NOT_KNOWN)]
)
def test_a_report_s_properties_say_whether_lmkd_runs(
    tmp_path: Path, lmkd: str, killer: Killer
) -> None:
    old_kernel = _report(tmp_path, _PROPERTIES.format(lmkd=lmkd))
    if killer is NOT_KNOWN:
        old_kernel.write_text(old_kernel.read_text().replace("5.10.149-android13", "4.14.117"))
    seen, _ = headroom.of_capture(old_kernel)
    assert seen.killer.killer is killer


@pytest.mark.parametrize(("kernel", "killer"), [("5.10", NEW), ("4.14", NOT_KNOWN)])
def test_properties_alone_tell_the_kernel_s_version(
    tmp_path: Path, kernel: str, killer: Killer
) -> None:
    (tmp_path / "meminfo.txt").write_text("MemTotal: 2000000 kB\nMemFree: 900000 kB\n")
    (tmp_path / "getprop.txt").write_text(
        "[init.svc.lmkd]: [running]\n[ro.build.version.sdk]: [33]\n"
        f"[ro.kernel.version]: [{kernel}]\n"
    )
    seen, _ = headroom.of_capture(tmp_path)
    assert seen.killer.killer is killer


def test_a_report_s_list_of_processes_says_whether_lmkd_runs(tmp_path: Path) -> None:
    rows = "USER PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 1000 100 0 0 S init\n"
    listing = f"------ PROCESSES (ps -A) ------\n{rows}{{more}}------ ENDS (true) ------\n"
    properties = _PROPERTIES.format(lmkd="").replace("[init.svc.lmkd]: []\n", "")
    found = {}
    for name, more in {"dead": "", "alive": "lmkd 312 1 1000 100 0 0 S lmkd\n"}.items():
        text = properties + listing.format(more=more)
        found[name] = headroom.of_capture(_report(tmp_path, text))[0].killer.killer
    assert found == {"dead": NONE, "alive": NEW}


def test_a_sample_has_the_device_s_own_clocks() -> None:
    basis = headroom.Basis({}, Found(NONE, "-"), (), headroom.booted_at(
        "1795833600.500000000\n100.25 12.00\n"))  # fmt: skip
    assert basis.at(101.0) == "2026-11-28T02:40:01.250Z"
    assert basis.at(None) is None
    assert headroom.booted_at("1795833600.N\n100.25 12.00\n") is not None  # toolbox's date
    assert headroom.booted_at("date: bad format\n") is None


@pytest.mark.parametrize(
    "text",
    ["1795833600.5\n1.2.3.4 1\n", "1795833600.5\n... 1\n", "99999999999.5\n0.01 1\n",
     "1795833600.5\n" + "9" * 40 + ".0 1\n", ""],
)  # fmt: skip
def test_a_clock_that_is_none_is_unknown_and_no_traceback(text: str) -> None:
    headroom.booted_at(text)


def _watched(*killers: Killer | DroidReclaimError) -> Iterator[Killer]:
    """Yield the killer of each sample while the device gives these answers one after the other."""
    answers = iter(killers)
    last: list[Killer] = []

    def read_basis() -> headroom.Basis:
        one = next(answers, last[-1] if last else None)
        if isinstance(one, DroidReclaimError):
            raise one
        assert one is not None
        last.append(one)
        return headroom.Basis({}, Found(one, "-"))

    take = partial(lmkd.sample_of, {"/proc/meminfo": "MemFree: 9 kB\n"})
    live = headroom.LiveBasis(read_basis, every_s=0.05)
    seen = headroom.watch(lambda: take(time.monotonic()), live, 4096, every_s=0.01)
    return (one.killer.killer for one in seen)


def test_an_lmkd_that_dies_while_it_is_watched_is_noticed_and_so_is_its_return() -> None:
    seen = [one for one, _ in groupby(islice(_watched(NEW, NEW, NONE, NEW), 60))]
    assert seen == [NEW, NONE, NEW]


def test_a_question_that_is_not_answered_leaves_what_was_known() -> None:
    lost = DeviceLost("gone")
    assert set(islice(_watched(OLD, lost, lost), 30)) == {OLD}
    with pytest.raises(DeviceLost):
        _watched(lost)  # type: ignore[arg-type]


def test_samples_do_not_wait_for_the_answer() -> None:
    answered = threading.Event()

    def read_basis() -> headroom.Basis:
        if not first:
            answered.wait(20)
        first.clear()
        return headroom.Basis({}, Found(NEW, "-"))

    first = [True]
    live = headroom.LiveBasis(read_basis, every_s=0.0)
    began = time.monotonic()
    assert {live.now().killer.killer for _ in range(100)} == {NEW}
    assert time.monotonic() - began < 15
    answered.set()
