"""Captured text sorted by what it is: a bug report's sections, or one dump by its looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.kernel_kills import is_kernel_log
from droidreclaim.parse.kills.logcat import log_lines_in
from droidreclaim.parse.text.columns import Columns
from droidreclaim.parse.text.lines import QUOTING

# "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------", "------ SWAP (/proc/swaps) ------";
# both parts may hold parentheses: "------ SHOW MAP 7 (logcat) (showmap -q 7) ------"
_SECTION = re.compile(r"------ (?P<words>\S.{0,600}?) ------")
# "[ps: 0.1s elapsed]" ends each command until Android 5, inside its section
_ELAPSED = re.compile(r"\[[^\]]{1,400}: [0-9.]{1,12}s elapsed\]")
_FAILED = re.compile(r"\*\*\* .{1,400}")  # "*** exec(su): No such file", "*** /proc/x: ..."
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
# "==> /proc/pressure/cpu <==" of head and tail, "$ cat /proc/pressure/cpu" of a copied terminal
_NAMED = re.compile(
    r"(?:==> (?P<file>/\S{1,200}) <==|[\w:@/ ~.-]{0,80}[$#] cat (?P<cat>/\S{1,200}))"
)
_OTHER_PRESSURE = re.compile(r"(?<![a-z])(?:cpu|io|irq)(?![a-z])", re.I)
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
    r"[Kk]ill|has died|am_proc_died|am_crash|exited due to signal|terminated by signal"
    r"|Force stopping|No longer want|no longer needed|Reclaim '"
    r"|\b30011\b|\b30023\b|\b30039\b|\b10195355\b"  # events whose tag has no name on the device
    r"|beginning of |switch to |PhantomProcessRecord|oom_reaper|am_freeze|[Ff]reezing "
    r"|[Ff]roze |while frozen|Error allocating memory|Write-error on |Read-error on "
    r"|ApplicationExitInfo\("
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
    APPS_MEMORY = "dumpsys meminfo"


_BY_SERVICE = {"activity": Kind.ACTIVITY, "meminfo": Kind.APPS_MEMORY}
_LOGS = frozenset({Kind.LOG, Kind.KERNEL_LOG})
_BY_COMMAND = (
    (re.compile(r"(?:.*/)?ps(?: .*)?"), Kind.PS),
    # Not the last boot's (-L), statistics (-S), sizes (-g), nor the list of what is kept (-p).
    (re.compile(r"logcat(?!.* -[LSgp]\b)(?!.*\bradio\b)(?: .*)?"), Kind.LOG),
    (re.compile(r"dmesg.*"), Kind.KERNEL_LOG),
    (re.compile(r"getprop"), Kind.PROPERTIES),
    (re.compile(r"dumpsys(?: -t [0-9]{1,6})? meminfo(?: .{0,300})?"), Kind.APPS_MEMORY),
    *((re.compile(re.escape(kind)), kind) for kind in Kind if kind.startswith("/proc/")),
)
_ACTIVITY_LOOKS = re.compile(
    r"ACTIVITY MANAGER .*\(dumpsys activity|.*\bProcessRecord\{"
    r"| *(?:PERS|Proc) # *[0-9]+: | *ApplicationExitInfo #| *Process LRU list "
)
_BY_LOOKS = (
    (re.compile(r".{0,300}ApplicationExitInfo\(timestamp="), Kind.LOG),  # as apps print it
    (re.compile(r"\[[\w.-]+\]: \["), Kind.PROPERTIES),
    (re.compile(r"Applications Memory Usage \(|\*\* MEMINFO in pid [0-9]"), Kind.APPS_MEMORY),
    (re.compile(r"Mem(?:Total|Free|Available): +[0-9]+ kB"), Kind.MEMINFO),
    (re.compile(r"nr_free_pages(?:_\w+)? [0-9]+$|nr_alloc_batch [0-9]+$"), Kind.VMSTAT),
    (re.compile(r"Node [0-9]+, zone +\w+$"), Kind.ZONEINFO),
    (re.compile(r"some avg10="), Kind.PRESSURE),
    (re.compile(r"Filename\s+Type\s+Size"), Kind.SWAPS),
)
# What begins another command's text in a file of several; in a log only the first two can.
_TURNS = (
    (re.compile(r"ACTIVITY MANAGER .{0,80}\(dumpsys activity"), Kind.ACTIVITY),
    (re.compile(r"-{6,} beginning of \S"), Kind.LOG),
    (re.compile(r"Applications Memory Usage \("), Kind.APPS_MEMORY),
    (re.compile(r"MemTotal: +[0-9]"), Kind.MEMINFO),
    (re.compile(r"nr_free_pages [0-9]"), Kind.VMSTAT),
    (re.compile(r"Node 0, zone +\w+$"), Kind.ZONEINFO),
    (re.compile(r"some avg10="), Kind.PRESSURE),
    (re.compile(r"Filename\s+Type\s+Size"), Kind.SWAPS),
    (re.compile(r"\[ro\.[\w.-]+\]: \["), Kind.PROPERTIES),
)
_TURN_LETTERS = frozenset("A-MnNsF[")


@dataclass(frozen=True)
class Piece:
    """One text of a kind; *name* is its section's title, or its file."""

    name: str
    text: str


@dataclass
class Captured:
    """
    The parts of a capture, each kind's texts in the order in which they came.

    Attributes:
        texts: Of logs only the lines that may speak of kills, with those that follow them, and
            the last one, which says how far the log goes.
        taken_at: Local time of the device as a bug report states it, else None.
        fingerprint, kernel: Of the build and of the kernel's release, as its header states them.
        sections: Titles of the bug report's sections seen; empty for other text.
        left_out: Sections and files that could not be read, each with the reason.
        cut: The bug report ends inside a section.
    """

    texts: dict[Kind, list[Piece]] = field(default_factory=dict)
    taken_at: str | None = None
    fingerprint: str | None = None
    kernel: str | None = None
    sections: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    cut: bool = False
    characters: int = 0

    def text(self, kind: Kind) -> str | None:
        """The first text of a kind, None without one."""
        return self.texts[kind][0].text if self.texts.get(kind) else None

    def readable(self, kind: Kind, parse: Callable[[str], object]) -> str | None:
        """The first text of a kind that *parse* can read; those before it are taken out."""
        while pieces := self.texts.get(kind):
            try:
                parse(pieces[0].text)
            except ParseError as error:
                self.left_out.append(f"{pieces[0].name}: {error}"[:300])
                del pieces[0]
            else:
                return pieces[0].text
        return None

    def pieces(self, *kinds: Kind) -> list[Piece]:
        """Every text of these kinds."""
        return [piece for kind in kinds for piece in self.texts.get(kind, ())]


class Sorter:
    """Takes the lines of one captured text, keeps those of the wanted kinds."""

    def __init__(self, captured: Captured, wanted: frozenset[Kind], name: str = "capture") -> None:
        self._captured = captured
        self._wanted = wanted
        self._file = self._name = name
        self._named: str | None = None  # the file that a line in the text has named
        self._kind: Kind | None = None
        self._is_report = False
        self._in_dumpsys = False
        self._keeps_dump = True
        self._following = 0
        self._lines: list[str] = []
        self._last: str | None = None
        self._characters = 0

    def begin_report(self) -> None:
        """What follows is cut into sections, or into the services of a whole dumpsys."""
        self._is_report = self._in_dumpsys = True
        self.begin(None)

    def begin(self, kind: Kind | None, name: str | None = None) -> None:
        """What follows is of *kind*; None is of no interest."""
        self._flush()
        self._name = name or self._file
        if kind is Kind.PRESSURE and _OTHER_PRESSURE.search(self._name.rpartition("/")[2]):
            self._captured.left_out.append(f"{self._name}: by its name not the pressure of memory")
            kind = None
        self._kind = kind if kind in self._wanted else None
        self._keeps_dump = True

    def take(self, line: str) -> None:
        """One line, without its end."""
        if line.startswith("------ ") and line.endswith(" ------"):
            self._divide(line)
        elif line.startswith("DUMP OF SERVICE ") and self._in_dumpsys:
            service = _SERVICE.match(line)
            name = service["name"] if service is not None else ""
            self.begin(_BY_SERVICE.get(name), f"dumpsys {name}")
        elif line.startswith("[") and _ELAPSED.fullmatch(line):
            return
        elif line.startswith("== dumpstate: ") and (taken := _TAKEN.match(line)):
            self._captured.taken_at = taken["at"]
        elif self._kind is None and line.startswith(("Build fingerprint: ", "Kernel: ")):
            self._take_header(line)
        else:
            if self._turn(line):
                return
            if self._kind is not None:
                self._keep(line)

    def _take_header(self, line: str) -> None:
        """Keep what the first of such lines says."""
        if header := _HEADER.match(line[:400]):
            self._captured.fingerprint = self._captured.fingerprint or header["fingerprint"]
            self._captured.kernel = self._captured.kernel or header["kernel"]

    def end(self) -> None:
        """No more lines."""
        if self._captured.sections and self._kind is not None:
            self._captured.cut = True
        self.begin(None)

    def _divide(self, line: str) -> None:
        if _DURATION.fullmatch(line):
            self._in_dumpsys = False
            self.begin(None)
            return
        section = _SECTION.fullmatch(line)
        if section is None:
            return
        self._is_report = True
        title, command = split_title(section["words"])
        self._captured.sections.append(title)
        self._in_dumpsys = title.startswith("DUMPSYS") or command == "dumpsys"
        self.begin(kind_of_command(command), title)

    def _turn(self, line: str) -> bool:
        """Outside of bug reports: whether *line* names a file; it may begin another's text."""
        if self._is_report:
            return False
        in_log = self._kind is Kind.LOG
        named = _NAMED.fullmatch(line[:300]) if "/proc/" in line[:300] and not in_log else None
        if named is not None:
            self._named = named["file"] or named["cat"]
            self.begin(kind_of_command(self._named), self._named)
            return True
        if line[:1] in _TURN_LETTERS:
            turns = _TURNS[:2] if in_log else _TURNS
            kind = next((kind for pattern, kind in turns if pattern.match(line)), None)
            if kind is not None and kind is not self._kind:
                self.begin(kind, self._named if kind is Kind.PRESSURE else None)
        return False

    def _keep(self, line: str) -> None:
        if self._kind in _LOGS and not self._speaks(line):
            self._last = line if line.strip() else self._last
            return
        if self._kind is Kind.ACTIVITY and not self._is_of_kept_dump(line):
            return
        self._last = None
        self._lines.append(line)
        self._characters += len(line) + 1
        if self._characters + self._captured.characters > _MOST_CHARACTERS:
            self._captured.left_out.append(f"{self._name}: more of it than any device prints")
            self._kind, self._lines = None, []

    def _speaks(self, line: str) -> bool:
        quotes = len(line) > _LONGEST_LINE and line.lstrip()[:1] in QUOTING
        if _KILL_WORDS.search(line, 0, len(line) if quotes else _LONGEST_LINE) is not None:
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
        if self._kind is not None and self._last is not None:
            self._lines.append(self._last)
        said = [line for line in self._lines if line.strip() and not _FAILED.fullmatch(line)]
        if self._kind is not None and said:
            texts = self._captured.texts.setdefault(self._kind, [])
            texts.append(Piece(self._name, "\n".join(self._lines) + "\n"))
            self._captured.characters += self._characters
        elif self._kind is not None and self._lines:
            why = next((line.strip("* ") for line in self._lines if line.strip()), "is empty")
            self._captured.left_out.append(f"{self._name}: {why}"[:300])
        self._lines, self._characters, self._following, self._last = [], 0, 0, None


def split_title(words: str) -> tuple[str, str]:
    """A section's title and its command, the last pair of parentheses: ``A (B) (c (d))``."""
    if not words.endswith(")"):
        return words, ""
    depth = 0
    for at in range(len(words) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(words[at], 0)
        if depth == 0:
            return words[:at].rstrip(), words[at + 1 : -1]
    return words, ""


def kind_of_command(command: str) -> Kind | None:
    """What a command of a bug report prints, None for what nobody here reads."""
    command = _FILE_TIME.sub("", _WRAPPER.sub("", command, count=1))
    if _ACTIVITY.fullmatch(command):
        return Kind.ACTIVITY
    return next((kind for pattern, kind in _BY_COMMAND if pattern.fullmatch(command)), None)


def is_bug_report(head: list[str]) -> bool:
    """Whether text that begins with the lines *head* is cut into sections or services."""
    return any(
        _SECTION.fullmatch(line) or _TAKEN.match(line) or _SERVICE.match(line) for line in head
    )


def kind_of_text(head: list[str]) -> Kind | None:
    """
    What a text that begins with the lines *head* is by its looks; None when it is not told.

    A log may say anything, so what its lines begin with comes before what they contain.
    """
    numbered = [(number, line) for number, line in enumerate(head, start=1) if line]
    of_log = log_lines_in(numbered)
    of_dump = sum(_ACTIVITY_LOOKS.match(line[:400]) is not None for line in head)
    if of_log > of_dump:
        return Kind.LOG
    if of_dump:
        return Kind.ACTIVITY
    if is_kernel_log(numbered):
        return Kind.KERNEL_LOG
    for line in head:
        for pattern, kind in _BY_LOOKS:
            if pattern.match(line[:400]):
                return kind
        columns = Columns.from_header(line)
        if columns is not None and "Tag" not in columns.words:  # Visual Studio's log has a PID too
            return Kind.PS
    return Kind.KERNEL_LOG if any("lowmemorykiller: " in line for line in head) else None
