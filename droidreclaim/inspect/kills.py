"""Who was killed, when and by whom: every source a device has, put together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from droidreclaim.device import Channel, Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceTimeout, ParseError
from droidreclaim.inspect.ask import Answer, ask_device
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.clock import Clock
from droidreclaim.parse.activity.exits import LmkCounts, parse_exit_info, parse_lmk
from droidreclaim.parse.kills.exit_lines import EXIT_SELF, record_of_exit
from droidreclaim.parse.kills.join import join_kills
from droidreclaim.parse.kills.log import KillLog, parse_kills, read_entries
from droidreclaim.parse.kills.logcat import LogForm, iter_entries
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.parse.kills.remarks import Remark
from droidreclaim.parse.text.bugreport import Kind, Piece
from droidreclaim.parse.text.lines import log_lines
from droidreclaim.parse.text.sections import split_activity_dump
from droidreclaim.units import plural

# The tags that speak of kills: a phone's buffers hold tens of MiB of others.
_TAGS = (
    "ActivityManager:I lowmemorykiller:V lmkd:V killinfo:V am_kill:V am_proc_died:V am_crash:V "
    "Zygote:V zygote:V zygote64:V '*:S'"
)
_LOGCAT = f"logcat -v threadtime -b main -b system -b events {_TAGS}"
_MOST_LOG_BYTES = 8 << 20
COMMANDS = {
    "clock": "date '+%Y-%m-%d %H:%M:%S %z'; cat /proc/uptime; head -n 3 /proc/timer_list",
    "log": f"{_LOGCAT} -d | tail -c {_MOST_LOG_BYTES}",
    "exits": "dumpsys activity exit-info",
    "lmk": "dumpsys activity lmk",
    "kernel": f"dmesg | tail -c {_MOST_LOG_BYTES}",
}
_MAX_LINE_BYTES = 64 * 1024
_KERNEL_EVERY_S = 2.0
_NO_AGE = timedelta()
_SETTLE_S = 3.0  # all lines about one kill came within 0.85 s in every capture

# Whose log line may not say who wanted it: what exit-info has of it does.
_UNSURE = frozenset({KilledBy.ACTIVITY_MANAGER, KilledBy.UNKNOWN})


@dataclass(frozen=True)
class Source:
    """A text that was read, and the time of its last entry as printed, where it has one."""

    name: str
    until: str | None


@dataclass(frozen=True)
class Kills:
    """
    What is known of kills.

    Attributes:
        records: Each kill once, oldest first; *at* in ISO 8601 where the year could be told.
        lmkd_since_boot: lmkd's own counters, where the release has them.
        unread: Lines that start as a kill and could not be read.
        silent: Sources that could not be asked or read, with the reason.
        read: Sources that were read: "none" is true of these, until the time they end.
        remarks: What the logs say about memory besides.
        notes: How they were read, where that is not as usual.
    """

    records: tuple[KillRecord, ...]
    lmkd_since_boot: LmkCounts | None
    unread: int
    silent: tuple[str, ...]
    read: tuple[Source, ...] = ()
    remarks: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Kills by who did it; those that nobody spoke for are unknown."""
        return dict(Counter(record.by.value for record in self.records))


@dataclass(frozen=True)
class FollowedKill:
    """
    A kill as it happens.

    Attributes:
        lmkd: lmkd's own counters, less what they were when following began; None where the
            release has none. More than what was told means that a log was lost.
    """

    record: KillRecord
    lmkd: LmkCounts | None


def of_device(
    device: Device, way: RootWay | None, *, since_s: float | None, timeout_s: float
) -> Kills:
    """
    The kills a device remembers.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    answers = ask_device(device, COMMANDS, way, timeout_s=timeout_s)
    clock = Clock.of_device(answers["clock"].text)
    silent: list[str] = []
    logs = [
        _log_of(answers[name], source, silent)
        for name, source in (("log", "logcat"), ("kernel", "dmesg"))
    ]
    records = [record for log in logs for record in log.records]
    kills = _together(records + _exits(answers["exits"], silent), clock, since_s)
    return Kills(
        kills,
        _counters(answers["lmk"], silent),
        sum(len(log.unread) for log in logs),
        tuple(silent),
        remarks=tuple(remark for log in logs for remark in log.remarks),
    )


def of_capture(path: Path, *, since_s: float | None) -> Kills:
    """
    The kills in captured text.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds neither a log nor exit-info.
    """
    wanted = frozenset({Kind.LOG, Kind.KERNEL_LOG, Kind.ACTIVITY})
    capture = read_capture(path, wanted, Kind.LOG)
    found = _Found(silent=list(capture.left_out))
    for piece in capture.pieces(Kind.LOG, Kind.KERNEL_LOG):
        found.take_log(piece)
    for piece in capture.pieces(Kind.ACTIVITY):
        found.take_dumps(piece)
    if not found.read:
        hint = "looked for kills in a log, dmesg, exit-info and lmk: none of them is in it"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *found.silent[:3]]))
    if capture.cut:
        found.silent.append("the bug report is cut")
    clock = Clock.of_capture(capture.taken_at, [one.until for one in found.read if one.until])
    kills = _together(found.records, clock, since_s)
    if since_s is not None:
        found.notes += _undated(found.records, clock)
    return Kills(
        kills, found.counters, found.unread, tuple(found.silent), tuple(found.read),
        tuple(found.remarks), tuple(found.notes),
    )  # fmt: skip


@dataclass
class _Found:
    """What the pieces of a capture say, one after the other; one that is unreadable is named."""

    records: list[KillRecord] = field(default_factory=list)
    counters: LmkCounts | None = None
    unread: int = 0
    read: list[Source] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take_log(self, piece: Piece) -> None:
        """A log of any buffer, or of the kernel."""
        try:
            log = parse_kills(piece.text, piece.name)
        except ParseError as error:
            self.silent.append(f"{piece.name}: {error.hint or error}"[:300])
            return
        self.records += log.records
        self.unread += len(log.unread)
        self.remarks += log.remarks
        self.read.append(Source(piece.name, log.until))
        if log.pasted:
            self.notes.append(f"{piece.name}: no log as a whole, read line by line")
        if log.untagged:
            self.notes.append(f"{piece.name}: logcat -v thread has no tags: events are not seen")

    def take_dumps(self, piece: Piece) -> None:
        """ActivityManager's dumps, of which two speak of kills."""
        parts = parts_of(piece.text)
        try:
            if "exit-info" in parts:
                self.records += _records_of_exits(parts["exit-info"])
                self.read.append(Source("exit-info", None))
            if "lmk" in parts:
                self.counters = parse_lmk(parts["lmk"])
                self.read.append(Source("lmkd's counters", None))
        except ParseError as error:
            self.silent.append(f"{error.source}: {error.hint or error}"[:300])


def follow(
    device: Device,
    way: RootWay | None,
    *,
    timeout_s: float,
    kernel_every_s: float = _KERNEL_EVERY_S,
) -> Iterator[FollowedKill]:
    """
    Kills as they happen, each once its sources have had time to speak; never ends by itself.

    Args:
        kernel_every_s: How often the kernel's log is read anew, as root: it cannot be followed.

    Raises:
        DeviceError: the device was lost.
        ParseError: its logcat does not run, or ended.
    """
    first = {name: COMMANDS[name] for name in ("clock", "kernel", "lmk")}
    answers = ask_device(device, first, way, timeout_s=timeout_s)
    clock = Clock.of_device(answers["clock"].text)
    counted = _counters(answers["lmk"], [])
    argv = ["sh", "-c", f"exec {_LOGCAT}"]
    channel = device.open(way.wrap(argv) if way else argv, timeout_s=timeout_s)
    waiting: dict[int, tuple[float, list[KillRecord]]] = {}
    # dmesg says all it knows each time
    reported = {(one.pid, one.at) for one in _log_of(answers["kernel"], "dmesg", []).records}
    kernel_at_s = time.monotonic()
    try:
        for records in _batches(channel):
            now_s = time.monotonic()
            if way is not None and now_s - kernel_at_s > kernel_every_s:
                kernel_at_s = now_s
                kernel = ask_device(
                    device, {"kernel": COMMANDS["kernel"]}, way, timeout_s=timeout_s
                )
                records += [
                    one
                    for one in _log_of(kernel["kernel"], "dmesg", []).records
                    if (one.pid, one.at) not in reported
                ]
                reported |= {(one.pid, one.at) for one in records if one.source == "kernel"}
            for record in clock.resolved(records):
                if record.source == "kernel" or not clock.is_older(record, _NO_AGE):
                    waiting.setdefault(record.pid, (now_s, []))[1].append(record)
            settled = [pid for pid, (since, _) in waiting.items() if now_s - since > _SETTLE_S]
            kills = [kill for pid in settled for kill in join_kills(waiting.pop(pid)[1])]
            if any(kill.by in _UNSURE for kill in kills):
                exits = ask_device(device, {"exits": COMMANDS["exits"]}, way, timeout_s=timeout_s)
                kills = _explained(kills, clock.resolved(_exits(exits["exits"], [])))
            if kills and counted is not None:
                lmk = ask_device(device, {"lmk": COMMANDS["lmk"]}, way, timeout_s=timeout_s)["lmk"]
                now = _counters(lmk, [])
                since = now.since(counted) if now else None
            else:
                since = None
            yield from (FollowedKill(clock.iso(kill), since) for kill in kills)
        error = ParseError(f"{device.serial}: logcat", 1, "", hint="it ended: no kill is seen now")
        raise error.beside(channel.stderr.decode("utf-8", "replace"))
    finally:
        channel.close()


def _explained(kills: list[KillRecord], exits: list[KillRecord]) -> list[KillRecord]:
    """*kills* joined with what exit-info, oldest first, has of the same: the rest are others."""
    return list(join_kills([*kills, *reversed(exits)])[: len(kills)])


def _batches(channel: Channel) -> Iterator[list[KillRecord]]:
    """Records of the lines that came in about the last second, an empty list when none did."""
    rest = b""
    while True:
        try:
            came = channel.read(1.0)
            if not came:
                return
        except DeviceTimeout:
            came = b""
        *lines, rest = (rest + came).split(b"\n")
        rest = rest[-_MAX_LINE_BYTES:]  # no line of a log is as long
        text = b"\n".join(lines).decode("utf-8", "replace")
        yield read_entries(iter_entries(log_lines(text), LogForm.THREADTIME))[0]


def _together(
    records: Iterable[KillRecord], clock: Clock, since_s: float | None
) -> tuple[KillRecord, ...]:
    kills = sorted(join_kills(clock.resolved(records)), key=clock.sort_key)
    if since_s is not None:
        age = timedelta(seconds=since_s)
        kills = [one for one in kills if not clock.is_older(one, age)]
    return tuple(map(clock.iso, kills))


def _undated(records: Iterable[KillRecord], clock: Clock) -> list[str]:
    """A note on the kills that --since leaves out because nobody can tell how old they are."""
    count = sum(not clock.is_comparable(one) for one in join_kills(clock.resolved(records)))
    left_out = "leaves it out" if count == 1 else "leaves them out"
    said = f"{plural(count, 'kill')} without a time that can be compared: --since {left_out}"
    return [said] if count else []


def _log_of(answer: Answer, source: str, silent: list[str]) -> KillLog:
    if not answer.ok:
        silent.append(f"{source}: {'empty' if answer.silent else answer.errno}")
        return KillLog((), ())
    try:
        return answer.read(lambda text: parse_kills(text, source))
    except ParseError as error:
        silent.append(str(error))
        return KillLog((), ())


def _exits(answer: Answer, silent: list[str]) -> list[KillRecord]:
    try:
        return answer.read(_records_of_exits)
    except ParseError as error:
        silent.append(f"exit-info (Android 11): {error.hint or answer.errno}")
        return []


def _records_of_exits(text: str) -> list[KillRecord]:
    """A device where nothing has ended yet prints titles only; an app's own exit is no kill."""
    if "PROCESS EXIT INFO" in text and "ApplicationExitInfo #" not in text:
        return []
    return [record_of_exit(one) for one in parse_exit_info(text) if one.reason != EXIT_SELF]


def _counters(answer: Answer, silent: list[str]) -> LmkCounts | None:
    try:
        return answer.read(parse_lmk)
    except ParseError as error:
        silent.append(f"lmkd's counters (Android 10): {error.hint or answer.errno}")
        return None


def parts_of(text: str) -> dict[str, str]:
    """The parts of a dump of ActivityManager by name; of exit-info alone, that one."""
    try:
        return split_activity_dump(text)
    except ParseError:
        return {"exit-info": text} if "ApplicationExitInfo #" in text else {}
