"""What is read of the device around a round: lives, memory, kills."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from droidreclaim.errors import DeviceError, NotPossible, ParseError
from droidreclaim.inspect.ask import Answer, ask_device
from droidreclaim.parse.activity.gfxinfo import Frames, parse_gfxinfo
from droidreclaim.parse.activity.starts import ProcessStart
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.parse.proc.kernel import Pressure, VmStat, parse_pressure, parse_vmstat
from droidreclaim.parse.proc.swap import flash_read_bytes
from droidreclaim.qa.clock import Clocks
from droidreclaim.qa.record import Cost, Killed, Life, Memory
from droidreclaim.session import Phone

_TIMEOUT_S = 30.0
_MOST_LOG_BYTES = 8 << 20
# "Pss:               35120 kB"
_ROLLUP = re.compile(r"^(Rss|Pss|Swap): +(\d{1,12}) kB$", re.MULTILINE)
_STAT = re.compile(r"^stat \d+ \(.*\)((?: [-\w]+)+)$", re.MULTILINE)
_MAJOR_FAULTS = 9  # of what follows the name in /proc/PID/stat, 0-based
_READ_MEMORY = 'echo "stat $(cat /proc/$1/stat)"; cat /proc/$1/smaps_rollup'
# "1764300000.125  1000   512   530 I am_proc_start: [0,4321,10123,com.example.game,...]"
_PROCESS_BEGAN = re.compile(r"am_proc_start: \[\d+,(\d+),\d+,([^,\]]+),")
_AT = re.compile(r" *(\d{1,12}\.\d{1,9}) ")


def life(phone: Phone, package: str) -> Life | None:
    """Which life of the app runs now; None where it does not run."""
    seen = phone.app(package).identity()
    if seen.process is None:
        return None
    return Life(seen.process.pid, seen.process.start_ticks, seen.activity)


def memory(phone: Phone, process: Life | None) -> Memory | None:
    """Memory of a process; None without root, or where it is gone. Reading it stalls the app."""
    if process is None:
        return None
    try:
        way = phone.way
    except NotPossible:
        return None
    words = way.wrap(["sh", "-c", _READ_MEMORY, "sh", str(process.pid)])
    done = phone.device.run(words, timeout_s=_TIMEOUT_S)
    return parse_memory(done.text) if done.exit_code == 0 else None


def parse_memory(text: str) -> Memory | None:
    """Read a line ``stat`` and a smaps_rollup; None where one of its sizes is not there."""
    sizes = {name: int(kib) * 1024 for name, kib in _ROLLUP.findall(text)}
    if not {"Rss", "Pss", "Swap"} <= sizes.keys():
        return None
    stat = _STAT.search(text)
    fields = stat[1].split() if stat else []
    faults = fields[_MAJOR_FAULTS] if len(fields) > _MAJOR_FAULTS else ""
    return Memory(
        sizes["Rss"], sizes["Pss"], sizes["Swap"], int(faults) if faults.isdecimal() else None
    )


def frames(phone: Phone, process: Life | None) -> Frames | None:
    """
    Frames of the app since it started; None where the device does not count them.

    Ask it of what is in front, and by pid: each process answers itself, which touches its memory.
    """
    if process is None:
        return None
    done = phone.device.run(["dumpsys", "gfxinfo", str(process.pid)], timeout_s=_TIMEOUT_S)
    found = parse_gfxinfo(done.text) if done.exit_code == 0 else ()
    return next((one for one in found if one.pid == process.pid), None)


def newest_start(phone: Phone, package: str) -> ProcessStart | None:
    """What start-info filed last of the app; None before Android 15, and where there is nothing."""
    try:
        return next(iter(phone.app(package).starts()), None)
    except (DeviceError, ParseError):
        return None


def log_since(phone: Phone, since_s: float) -> str | None:
    """The device's log from *since_s* of its clock on; None where it cannot be read."""
    words = ["logcat", "-d", "-b", "main,system,events", "-v", "epoch"]
    done = phone.device.run(words, timeout_s=_TIMEOUT_S)
    if done.exit_code != 0:
        return None
    lines = done.text[-_MOST_LOG_BYTES:].splitlines(keepends=True)
    return "".join(line for line in lines if (at := _AT.match(line)) and float(at[1]) >= since_s)


def processes_begun(log: str | None, package: str) -> list[int] | None:
    """Pids of the app's main processes that the log tells of, in order; None without a log."""
    if log is None:
        return None
    return [int(match[1]) for match in _PROCESS_BEGAN.finditer(log) if match[2] == package]


Key = tuple[str | None, int, str]


def kills(phone: Phone, known: set[Key], clocks: Clocks | None = None) -> list[Killed]:
    """Kills that are not *known* yet; they are from now on."""
    records = phone.kills().records
    new = [record for record in records if _key(record) not in known]
    known |= {_key(record) for record in records}
    return [
        Killed(
            one.by.value, one.pid, one.name, one.oom_score_adj, one.reason[:200],
            clocks.boot_of_log(one.at) if clocks else None,
        )
        for one in new
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meter:
    """The device's counters of memory since boot, at one moment; None for what it has not."""

    vmstat: VmStat | None
    pressure: Pressure | None
    flash_read_bytes: int | None  # by zram, since boot

    def cost(self, later: Meter) -> Cost:
        """What was spent until *later*."""
        some, full = (_stall_s(self.pressure, later.pressure, kind) for kind in ("some", "full"))
        return Cost(some, full, self._pages(later, "pswpin"), self._pages(later, "pswpout"))

    def _pages(self, later: Meter, name: str) -> int | None:
        first, last = (one.vmstat.get(name) if one.vmstat else None for one in (self, later))
        return last - first if first is not None and last is not None else None


def _stall_s(before: Pressure | None, after: Pressure | None, kind: str) -> float | None:
    first, last = (getattr(one, kind) if one else None for one in (before, after))
    return (last.total_us - first.total_us) / 1e6 if first and last else None


def meter(phone: Phone) -> Meter:
    """Read the counters: one round trip, without a program of ours."""
    commands = {
        "vmstat": "cat /proc/vmstat",
        "psi": "cat /proc/pressure/memory",
        "flash": "head -n 1 /sys/block/zram*/bd_stat",
    }
    answers = ask_device(phone.device, commands, phone.way_if_any(), timeout_s=_TIMEOUT_S)
    vmstat, pressure = answers["vmstat"], answers["psi"]
    return Meter(
        vmstat.read(parse_vmstat) if vmstat.ok else None,
        pressure.read(parse_pressure) if pressure.ok else None,
        _flash_read(answers["flash"]),
    )


def _flash_read(answer: Answer) -> int | None:
    """Bytes that zram read back from flash; None where the device does not say."""
    lines = [line for line in answer.text.splitlines() if line.strip() and "==>" not in line]
    try:
        files = {f"{number}/bd_stat": line for number, line in enumerate(lines)}
        return flash_read_bytes(files) if answer.ok else None
    except ParseError:
        return None


def _key(record: KillRecord) -> Key:
    return record.at, record.pid, record.name or ""


def end_apps(phone: Phone, packages: Iterable[str]) -> set[int]:
    """End apps, so that a round begins without them; returns the pids that they had."""
    script = 'for app in "$@"; do pidof "$app"; am force-stop "$app"; done'
    done = phone.device.run(["sh", "-c", script, "sh", *packages], timeout_s=_TIMEOUT_S)
    return {int(word) for word in done.text.split() if word.isdecimal() and len(word) < 10}
