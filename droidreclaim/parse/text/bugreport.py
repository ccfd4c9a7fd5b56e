"""Captured text sorted by what it is: a bug report's sections, or one dump by its looks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.logcat import form_of
from droidreclaim.parse.text.columns import Columns

# "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------", "------ SWAP (/proc/swaps) ------"
_SECTION = re.compile(r"------ (?P<title>[^()]{1,120}?)(?: \((?P<command>.{1,400})\))? ------")
# "------ 0.084s was the duration of 'ZONEINFO' ------" ends a section (Android 5 and later)
_DURATION = re.compile(r"------ [0-9.]{1,12}s was the duration of .{1,200} ------")
_SERVICE = re.compile(r"DUMP OF SERVICE (?:CRITICAL |HIGH |NORMAL )?(?P<name>[\w./-]{1,120}):?")
_TAKEN = re.compile(r"== dumpstate: (?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8})")
# "Build fingerprint: 'google/redfin/redfin:12/SQ3A/867:user/release-keys'" and, below it,
# "Kernel: Linux version 4.19.191 (build@host) #1 SMP PREEMPT Mon Nov 22"
_HEADER = re.compile(
    r"(?:Build fingerprint: '?(?P<fingerprint>[^']{1,300})'?"
    r"|Kernel: (?:Linux version )?(?P<kernel>[0-9][^ ]{0,99}).*)"
)
# What vendors put before a command, and the time a file was written at after its name.
_WRAPPER = re.compile(r"(?:su (?:root|0) )?(?:/(?:system|vendor|product)/x?bin/)?(?:toybox |cat )?")
_FILE_TIME = re.compile(r": [0-9]{4}-[0-9]{2}-[0-9]{2} .{1,20}")
_ACTIVITY = re.compile(
    r"dumpsys(?: -t [0-9]{1,6})? activity(?: -[a-z])*"
    r"(?: (?:processes|oom|lru|exit-info|lmk|settings)(?: [\w.]{1,255})?)?"
)
_ACTIVITY_TITLE = re.compile(r"ACTIVITY MANAGER .{0,80}?\(dumpsys activity (?P<name>[\w-]{1,40})")
_KEPT_DUMPS = frozenset({"processes", "oom", "lru", "exit-info", "lmk", "settings"})

# Lines that may speak of a kill. A log is the one part of a bug report that fills a memory: of it
# these are kept, and what follows each, for records of several lines.
_KILL_WORDS = re.compile(
    r"lowmemorykiller|lmkd|[Kk]ill|has died|am_proc_died|am_crash|exited due to signal"
    r"|Force stopping|No longer want|to free |send sigkill|beginning of |switch to "
)
_FOLLOWING_LINES = 16  # the kernel's records span up to that many, with other lines in between
_LONGEST_LINE = 8192
_MOST_CHARACTERS = 48 << 20  # of one kind; the largest activity dump seen has 4 MiB


class Kind(StrEnum):
    """What a piece of captured text is."""

    PS = "ps"
    ACTIVITY = "dumpsys activity"
    LOG = "logcat"
    KERNEL_LOG = "dmesg"
    PROPERTIES = "getprop"
    MEMINFO = "/proc/meminfo"
    VMSTAT = "/proc/vmstat"
    ZONEINFO = "/proc/zoneinfo"
    PRESSURE = "/proc/pressure/memory"
    SWAPS = "/proc/swaps"


_LOGS = frozenset({Kind.LOG, Kind.KERNEL_LOG})
_BY_COMMAND = (
    (re.compile(r"(?:.*/)?ps(?: .*)?"), Kind.PS),
    (re.compile(r"logcat(?!.* -L)(?!.*\bradio\b).*"), Kind.LOG),
    (re.compile(r"dmesg.*"), Kind.KERNEL_LOG),
    (re.compile(r"getprop"), Kind.PROPERTIES),
    *((re.compile(re.escape(kind)), kind) for kind in Kind if kind.startswith("/proc/")),
)
_BY_LOOKS = (
    (re.compile(r"ACTIVITY MANAGER .*\(dumpsys activity|.*\bProcessRecord\{"), Kind.ACTIVITY),
    (
        re.compile(r" *(?:PERS|Proc) # *[0-9]+: | *ApplicationExitInfo #| *Process LRU list "),
        Kind.ACTIVITY,
    ),
    (re.compile(r"\[[\w.-]+\]: \["), Kind.PROPERTIES),
    (re.compile(r"Mem(?:Total|Free|Available): +[0-9]+ kB"), Kind.MEMINFO),
    (re.compile(r"nr_free_pages(?:_\w+)? [0-9]+$|nr_alloc_batch [0-9]+$"), Kind.VMSTAT),
    (re.compile(r"Node [0-9]+, zone +\w+$"), Kind.ZONEINFO),
    (re.compile(r"some avg10="), Kind.PRESSURE),
    (re.compile(r"Filename\s+Type\s+Size"), Kind.SWAPS),
)


@dataclass
class Captured:
    """
    The parts of a capture, each kind's texts in the order in which they came.

    Attributes:
        texts: Of logs only the lines that may speak of kills, with those that follow them.
        taken_at: Local time of the device as a bug report states it, else None.
        fingerprint, kernel: Of the build and of the kernel's release, as its header states them.
        sections: Titles of the bug report's sections seen; empty for other text.
        cut: The bug report ends inside a section.
    """

    texts: dict[Kind, list[str]] = field(default_factory=dict)
    taken_at: str | None = None
    fingerprint: str | None = None
    kernel: str | None = None
    sections: list[str] = field(default_factory=list)
    cut: bool = False

    def text(self, kind: Kind) -> str | None:
        """The first text of a kind, None without one."""
        return self.texts[kind][0] if self.texts.get(kind) else None


class Sorter:
    """Takes the lines of one captured text, keeps those of the wanted kinds."""

    def __init__(self, captured: Captured, wanted: frozenset[Kind]) -> None:
        self._captured = captured
        self._wanted = wanted
        self._kind: Kind | None = None
        self._in_dumpsys = False
        self._keeps_dump = True
        self._following = 0
        self._lines: list[str] = []
        self._characters = 0

    def take_all(self, lines: Iterable[str]) -> None:
        """Sort a bug report, or text that is known to be of one kind (see `begin`)."""
        for line in lines:
            self.take(line)

    def begin(self, kind: Kind | None) -> None:
        """What follows is of *kind*; None is of no interest."""
        self._flush()
        self._kind = kind if kind in self._wanted else None
        self._keeps_dump = True

    def take(self, line: str) -> None:
        """One line, without its end."""
        if line.startswith("------ ") and line.endswith(" ------"):
            self._divide(line)
        elif self._in_dumpsys and line.startswith("DUMP OF SERVICE "):
            service = _SERVICE.match(line)
            self.begin(Kind.ACTIVITY if service and service["name"] == "activity" else None)
        elif self._kind is not None:
            self._keep(line)
        elif line.startswith("== dumpstate: ") and (taken := _TAKEN.match(line)):
            self._captured.taken_at = taken["at"]
        elif line.startswith(("Build fingerprint: ", "Kernel: ")):
            self._take_header(line)

    def _take_header(self, line: str) -> None:
        """Keep what the first of such lines says."""
        if header := _HEADER.match(line[:400]):
            self._captured.fingerprint = self._captured.fingerprint or header["fingerprint"]
            self._captured.kernel = self._captured.kernel or header["kernel"]

    def end(self) -> None:
        """No more lines."""
        self._captured.cut = bool(self._captured.sections) and self._kind is not None
        self.begin(None)

    def _divide(self, line: str) -> None:
        if _DURATION.fullmatch(line):
            self._in_dumpsys = False
            self.begin(None)
            return
        section = _SECTION.fullmatch(line)
        if section is None:
            return
        self._captured.sections.append(section["title"])
        command = section["command"] or ""
        self._in_dumpsys = command == "dumpsys" or section["title"].startswith("DUMPSYS")
        self.begin(kind_of_command(command))

    def _keep(self, line: str) -> None:
        if self._kind in _LOGS and not self._speaks(line):
            return
        if self._kind is Kind.ACTIVITY and not self._is_of_kept_dump(line):
            return
        self._lines.append(line)
        self._characters += len(line) + 1
        if self._characters > _MOST_CHARACTERS:
            raise ParseError(str(self._kind), 1, "", hint="more of it than any device prints")

    def _speaks(self, line: str) -> bool:
        if _KILL_WORDS.search(line, 0, _LONGEST_LINE) is not None:
            self._following = _FOLLOWING_LINES
            return True
        self._following -= 1
        return self._following >= 0 or len(self._lines) < 2

    def _is_of_kept_dump(self, line: str) -> bool:
        if line.startswith("ACTIVITY MANAGER "):
            title = _ACTIVITY_TITLE.match(line)
            self._keeps_dump = title is None or title["name"] in _KEPT_DUMPS
        return self._keeps_dump

    def _flush(self) -> None:
        if self._kind is not None and self._lines:
            texts = self._captured.texts.setdefault(self._kind, [])
            texts.append("\n".join(self._lines) + "\n")
        self._lines, self._characters, self._following = [], 0, 0


def kind_of_command(command: str) -> Kind | None:
    """What a command of a bug report prints, None for what nobody here reads."""
    command = _FILE_TIME.sub("", _WRAPPER.sub("", command, count=1))
    if _ACTIVITY.fullmatch(command):
        return Kind.ACTIVITY
    return next((kind for pattern, kind in _BY_COMMAND if pattern.fullmatch(command)), None)


def is_bug_report(head: list[str]) -> bool:
    """Whether text that begins with the lines *head* is cut into sections."""
    return any(_SECTION.fullmatch(line) or _TAKEN.match(line) for line in head)


def kind_of_text(head: list[str]) -> Kind | None:
    """What a text that begins with the lines *head* is by its looks; None when it is not told."""
    for line in head:
        for pattern, kind in _BY_LOOKS:
            if pattern.match(line[:400]):
                return kind
        if Columns.from_header(line) is not None:
            return Kind.PS
    numbered = [(number, line) for number, line in enumerate(head, start=1) if line]
    if form_of(numbered) is not None:
        return Kind.LOG
    return Kind.KERNEL_LOG if any("lowmemorykiller: " in line for line in head) else None
