"""What became of the processes of one app: every line that speaks of their ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import Answer, ask_device
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.clock import Clock
from droidreclaim.inspect.killers import properties_of_capture
from droidreclaim.inspect.kills import COMMANDS, parts_of
from droidreclaim.inspect.limits import STATUS
from droidreclaim.parse.activity.exits import ProcessExit, parse_exit_info
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.parse.activity.packages import parse_pm_list
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.kills.exit_lines import EXIT_SELF, record_of_exit
from droidreclaim.parse.kills.join import join_kills, same_kill
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.quoted import out_of_quotes
from droidreclaim.parse.kills.records import KilledBy, KillRecord, cause_of
from droidreclaim.parse.kills.times import seconds_apart
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.text.bugreport import Captured, Kind
from droidreclaim.parse.text.lines import log_lines
from droidreclaim.policy.lmkd_settings import settings_in_force
from droidreclaim.policy.why import Death, Line, Story, death_of
from droidreclaim.policy.why_settings import MONITOR_PHANTOMS, Settings

_NEAR_S = 30.0
_MOST_TEXT = 600
# What follows a record of exit-info: the next one, the next package's or a blank line.
_ENDS_EXIT = re.compile(r"\s*(?:ApplicationExitInfo #|package: |Historical |$)")
_NONE_ENDED = "PROCESS EXIT INFO"
_MORE = {
    "props": "getprop",
    "packages": "pm list packages -U",
    "settings": "dumpsys activity settings",
    "limiter": STATUS,
    "phantoms": f"settings get global {MONITOR_PHANTOMS}",
}
_T = TypeVar("_T")


@dataclass
class _Texts:
    """The texts of all sources, line by line where a line speaks of an end."""

    lines: list[Line] = field(default_factory=list)
    read: list[tuple[str, str | None]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def take_log(self, name: str, text: str) -> None:
        text = "\n".join(line for _, line in out_of_quotes(log_lines(text)))
        try:
            log = parse_kills(text, name)
        except ParseError as error:
            self.silent.append(f"{name}: {error.hint or error}"[:300])
            return
        printed = dict(log_lines(text))
        self.lines += [
            Line(name, printed.get(one.line_number, "").strip()[:_MOST_TEXT], one)
            for one in log.records
        ]
        self.read.append((name, log.until))

    def take_exits(self, text: str) -> None:
        if _NONE_ENDED in text and "ApplicationExitInfo #" not in text:
            self.read.append(("exit-info", None))
            return
        try:
            exits = parse_exit_info(text)
        except ParseError as error:
            self.silent.append(f"exit-info (Android 11): {error.hint or error}"[:300])
            return
        printed = text.splitlines()
        self.lines += [
            Line(
                "exit-info",
                _printed_exit(one, printed),
                _record_of(one),
                one.reason,
                one.importance,
            )
            for one in reversed(exits)
        ]
        self.read.append(("exit-info", None))


def of_device(
    device: Device, way: RootWay | None, package: str, *, since_s: float | None, timeout_s: float
) -> Story:
    """
    What a device remembers of *package*'s processes.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    answers = ask_device(device, {**COMMANDS, **_MORE}, way, timeout_s=timeout_s)
    texts = _Texts()
    for name, source in (("log", "logcat"), ("kernel", "dmesg")):
        answer = answers[name]
        if answer.ok:
            texts.take_log(source, answer.text)
        else:
            texts.silent.append(f"{source}: {'empty' if answer.silent else answer.errno}")
    if answers["exits"].ok:
        texts.take_exits(answers["exits"].text)
    else:
        texts.silent.append(f"exit-info (Android 11): {answers['exits'].errno}")
    clock = Clock.of_device(answers["clock"].text)
    settings, uids = _settings_of_device(answers), _uids(answers["packages"], package)
    return _story(package, texts, clock, since_s, settings, uids)


def _settings_of_device(answers: Mapping[str, Answer]) -> Settings:
    """What each of its answers says; one that cannot be read says nothing."""
    phantoms = answers["phantoms"].text.strip()
    properties = _read(answers["props"], parse_getprop)
    return Settings(
        "are on this device now",
        {} if properties is None else settings_in_force(properties),
        _constants(answers["settings"].text),
        _read(answers["limiter"], parse_memory_limiter),
        phantoms if phantoms in ("true", "false") else None,
    )


def _read(answer: Answer, parse: Callable[[str], _T]) -> _T | None:
    try:
        return parse(answer.text) if answer.ok else None
    except ParseError:
        return None


def _constants(text: str) -> Mapping[str, str]:
    """ActivityManager's constants; none of text that is not its settings."""
    try:
        return parse_settings(text).constants
    except ParseError:
        return {}


def _uids(answer: Answer, package: str) -> frozenset[int]:
    """Of the app, one for each user; none where the device does not say."""
    if not answer.ok:
        return frozenset()
    try:
        listed = parse_pm_list(answer.text)
    except ParseError:
        return frozenset()  # its own processes are known by their names
    return frozenset(uid for one in listed if one.name == package for uid in one.uids)


def of_capture(path: Path, package: str, *, since_s: float | None) -> Story:
    """
    What captured text says of *package*'s processes.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds neither a log nor exit-info.
    """
    wanted = frozenset({Kind.LOG, Kind.KERNEL_LOG, Kind.ACTIVITY, Kind.PROPERTIES})
    capture = read_capture(path, wanted, Kind.LOG)
    texts = _Texts(silent=list(capture.left_out))
    for piece in capture.pieces(Kind.LOG, Kind.KERNEL_LOG):
        texts.take_log(piece.name, piece.text)
    for piece in capture.pieces(Kind.ACTIVITY):
        if exits := parts_of(piece.text).get("exit-info"):
            texts.take_exits(exits)
    if not texts.read:
        hint = "looked for a log, dmesg and exit-info: none of them is in it"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *texts.silent[:3]]))
    if capture.cut:
        texts.silent.append("the bug report is cut")
    clock = Clock.of_capture(capture.taken_at, [until for _, until in texts.read if until])
    return _story(package, texts, clock, since_s, _settings_of_capture(capture))


def _settings_of_capture(capture: Captured) -> Settings:
    """What its properties and its dump of ActivityManager say."""
    properties = properties_of_capture(capture) if capture.text(Kind.PROPERTIES) else None
    dumps = (parts_of(piece.text).get("settings", "") for piece in capture.pieces(Kind.ACTIVITY))
    return Settings(
        "were, when this was captured",
        {} if properties is None else settings_in_force(properties),
        next(filter(None, map(_constants, dumps)), {}),
    )


def _story(
    package: str,
    texts: _Texts,
    clock: Clock,
    since_s: float | None,
    settings: Settings,
    uids: frozenset[int] = frozenset(),
) -> Story:
    lines = [replace(one, record=clock.resolved([one.record])[0]) for one in texts.lines]
    lines.sort(key=lambda one: clock.sort_key(one.record))
    kills = sorted(join_kills(line.record for line in lines), key=clock.sort_key)
    if since_s is not None:
        kills = [one for one in kills if not clock.is_older(one, timedelta(seconds=since_s))]
    own = [one.record for one in lines if _names(package, one.record.name)]
    uids |= {one.uid for one in own if one.uid is not None}
    deaths = [
        _death(kill, lines, kills, clock, settings)
        for kill in kills
        if _is_of(package, kill, lines) or _is_child_of(uids, kill)
    ]
    return Story(package, tuple(deaths), tuple(texts.read), tuple(texts.silent))


def _is_of(package: str, kill: KillRecord, lines: Sequence[Line]) -> bool:
    """Whether a process is *package*'s, by its whole name or by the shorter one a kernel has."""
    names = {one.record.name for one in lines if one.record.pid == kill.pid} | {kill.name}
    return any(_names(package, name) for name in names)


def _names(package: str, name: str | None) -> bool:
    return name is not None and name.partition(":")[0] == package


def _is_child_of(uids: frozenset[int], kill: KillRecord) -> bool:
    """Whether it was started by an app of these uids itself: its name is that of a program."""
    return kill.uid in uids and cause_of(kill.reason) == "phantom"


def _death(
    kill: KillRecord,
    lines: Sequence[Line],
    kills: Sequence[KillRecord],
    clock: Clock,
    settings: Settings,
) -> Death:
    its = list(_once(one for one in lines if _speaks_of(kill, one.record)))
    others = [one for one in kills if one is not kill and _are_near(kill, one)]
    return death_of(clock.iso(kill), its, others, settings)


def _speaks_of(kill: KillRecord, record: KillRecord) -> bool:
    return record.pid == kill.pid and same_kill(kill, record)


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """Drop lines that came before: a bug report has some buffers twice."""
    seen = set()
    for one in lines:
        if one.text not in seen:
            seen.add(one.text)
            yield one


def _are_near(one: KillRecord, other: KillRecord) -> bool:
    if not one.at or not other.at:
        return False
    apart_s = seconds_apart(one.at, other.at)
    return apart_s is not None and apart_s <= _NEAR_S


def _record_of(one: ProcessExit) -> KillRecord:
    """As `record_of_exit`; a process that ended by itself was killed by nobody."""
    record = record_of_exit(one)
    if one.reason != EXIT_SELF:
        return record
    return replace(record, by=KilledBy.UNKNOWN, reason=f"exit status {one.status}")


def _printed_exit(one: ProcessExit, printed: Sequence[str]) -> str:
    """The lines of exit-info that hold this record, as one."""
    head = re.compile(rf"\bpid={one.pid}\b")
    stamp = one.when.strftime("%H:%M:%S")
    for number, line in enumerate(printed):
        if head.search(line) and any(
            stamp in near for near in printed[max(0, number - 1) : number + 1]
        ):
            first = number if stamp in line else number - 1
            block = [printed[first]]
            for more in printed[first + 1 : first + 6]:
                if _ENDS_EXIT.match(more):
                    break
                block.append(more)
            return " ".join(" ".join(block).split())[:_MOST_TEXT]
    return f"pid={one.pid} reason={one.reason} ({one.reason_name})"
