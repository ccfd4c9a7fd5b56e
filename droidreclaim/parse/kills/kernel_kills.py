"""Kills in the kernel log: the lowmemorykiller driver (kernels to 4.9) and the OOM killer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from droidreclaim.parse.text.answer import NumberedLine
from droidreclaim.units import KIB

_PAGE_BYTES = (
    4 * KIB
)  # of every kernel old enough to say "send sigkill to" (2.6 to 3.4, 32-bit ARM)
_LONGEST_LINE = 8192  # printk keeps less of one record
_RECORD_LINES = 16  # a driver record spans 4 to 9 lines, with other lines in between

# "<6>[  149.950550]  (0)[136:kswapd0]lowmemorykiller: ...", "6,2302,533604004,-;lowmemory...",
# "01-18 17:13:33.654     0     0 I lowmemorykiller: ...": only the time is read from a prefix.
_LEVELS = r"(?:<[0-9]{1,3}>|[a-z0-9]{1,10} *:[a-z]{1,10} *: *)?"  # "kern  :info  : " of dmesg -x
_KMSG_TIME = re.compile(
    rf"{_LEVELS}\[ *(?P<at>[0-9]{{1,10}}\.[0-9]{{3,9}})(?: <[ 0-9.]{{1,20}}>)?\]"  # dmesg -d
)
# dmesg -T, dmesg --time-format iso, syslog
_NAMED_TIME = re.compile(
    rf"{_LEVELS}(?:\[(?P<at>[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] [0-9:]{{8}} [0-9]{{4}})\]"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{4,6})?) "
    r"|(?P<syslog>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) )"
)
_RECORD_TIME = re.compile(r"[0-9]{1,4},[0-9]{1,12},(?P<us>[0-9]{1,15}),[^;]{1,40};")
_LOG_TIME = re.compile(r" *(?P<at>(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3,9})")

_KERNEL_LINE = re.compile(
    r"<[0-9]{1,3}>|(?:[a-z0-9]{1,10} *:[a-z]{1,10} *: *)?"
    r"\[(?: *[0-9]{1,10}\.[0-9]{3,9}(?: <[ 0-9.]{1,20}>)?|[A-Z][a-z]{2} [A-Z][a-z]{2} .{16})\]"
    r"|[0-9]{1,4},[0-9]{1,12},[0-9]{1,15},.{1,9};|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8},[0-9]{6}[+-]"
)

# lmkd of Android 9 writes under the same name, with a uid after the pid.
_DRIVER_OPENINGS = re.compile(
    r"lowmemorykiller: (?:[A-Z]{1,16} )?Killing '(?!.{0,520}\([0-9]{1,10}\), uid )"
    r"|send sigkill to [0-9]"
)
_DRIVER = re.compile(
    r"Killing '(?P<name>.{0,64})' \((?P<pid>[0-9]{1,10})\)"
    r"(?:,? ?\(?[a-z_]{1,16}[ (=:]{1,2}-?[0-9]{1,10}\)?){0,4}"  # vendors: " (state 1)", ", tgid=5"
    r", (?:[a-z_]{1,24} )?adj (?P<adj>-?[0-9]{1,6})"
)
_OLD_DRIVER = re.compile(
    r"send sigkill to (?P<pid>[0-9]{1,10}) \((?P<name>.{0,64})\), (?:oom_)?(?:score_)?adj"
    r" (?P<adj>-?[0-9]{1,6}), (?:score_adj -?[0-9]{1,6}, )?size (?P<pages>[0-9]{1,12})"
)
_DRIVER_FREED = re.compile(
    r"to free (?P<kib>-?[0-9]{1,12})kB on behalf of '(?P<who>.{0,64})' \([0-9]{1,10}\)"
)
_DRIVER_LIMIT = re.compile(
    r"cache (?P<cache>-?[0-9]{1,12})kB is below limit (?P<limit>-?[0-9]{1,12})kB"
    r" for oom(?:_score_adj| score|_adj) (?P<floor>-?[0-9]{1,6})"
)
_DRIVER_FREE = re.compile(r"Free memory is (?P<kib>-?[0-9]{1,12})kB above reserved")

_OOM_CAUSE = r"out of memory(?: \([a-z_]{1,40}\))?"
_OOM_OPENINGS = re.compile(
    rf"\bKilled process [0-9]|(?i:{_OOM_CAUSE}: Kill(?:ed)? process)|\boom-kill:constraint="
)
_OOM = re.compile(
    r"Killed process (?P<pid>[0-9]{1,10}) \((?P<name>.{0,64}?)\)"
    r"(?:, UID (?P<old_uid>[0-9]{1,10}))?(?:,? (?:total-vm|vsz):|$)"
)
_OOM_SIZE = re.compile(r"(?P<what>anon|file|shmem)-rss:(?P<kib>[0-9]{1,12})kB")
_OOM_UID = re.compile(r"UID:(?P<uid>[0-9]{1,10})")
_OOM_ADJ = re.compile(r"oom_score_adj:(?P<adj>-?[0-9]{1,6})")
_OOM_REAPER = re.compile(
    r"oom_reaper: reaped process (?P<pid>[0-9]{1,10}) \((?P<name>.{0,64}?)\)(?:,|$)"
)
_OOM_INTENT = re.compile(
    rf"{_OOM_CAUSE}: Kill process (?P<pid>[0-9]{{1,10}}) \((?P<name>.{{0,64}})\) score", re.I
)
# "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),...,task=le.d,pid=13,uid=10004": since Linux
# 5.0 before the line of the kill.
_OOM_SUMMARY = re.compile(
    r"oom-kill:constraint=(?P<constraint>[A-Z_]{1,40}),.{0,1024},task=(?P<name>.{0,64}?)"
    r",pid=(?P<pid>[0-9]{1,10}),uid=(?P<uid>[0-9]{1,10})"
)


@dataclass(frozen=True, slots=True)
class KernelKill:
    """
    One kill.

    Attributes:
        line_number: Where it starts.
        at: Seconds since boot, or the time of logcat, as printed; None without one.
        oom: The OOM killer; else the lowmemorykiller driver.
        name: comm, at most 15 characters: the last ones of an app's name.
        oom_score_adj: On the kernel's scale to 1000, also where the framework counts to 15; None
            in OOM records before Linux 5.x.
        freed_bytes: Resident memory of the victim.
        min_oom_score_adj: The driver's floor for that much cache.
        above_reserved_bytes: Free memory at that moment less the reserve, may be negative.
        reason: In words, from the record.
    """

    line_number: int
    at: str | None
    oom: bool
    pid: int
    name: str
    uid: int | None
    oom_score_adj: int | None
    freed_bytes: int | None
    min_oom_score_adj: int | None
    above_reserved_bytes: int | None
    reason: str


@dataclass(slots=True)
class _Draft:
    """A driver record while its lines come in."""

    number: int
    at: str | None
    pid: int
    name: str
    adj: int
    freed_bytes: int | None = None
    floor: int | None = None
    above_reserved_bytes: int | None = None
    reason: str = ""

    def take(self, line: str) -> None:
        """Read what *line* adds, if anything; the first of each kind counts."""
        if self.freed_bytes is None and (freed := _DRIVER_FREED.search(line)):
            self.freed_bytes = int(freed["kib"]) * KIB
        if self.floor is None and (limit := _DRIVER_LIMIT.search(line)):
            self.floor = int(limit["floor"])
            self.reason = f"cache {limit['cache']} KiB is below {limit['limit']} KiB"
        if self.above_reserved_bytes is None and (free := _DRIVER_FREE.search(line)):
            self.above_reserved_bytes = int(free["kib"]) * KIB

    def finish(self) -> KernelKill:
        """The record as a value, with what was there of it."""
        return KernelKill(
            line_number=self.number,
            at=self.at,
            oom=False,
            pid=self.pid,
            name=self.name,
            uid=None,
            oom_score_adj=self.adj,
            freed_bytes=self.freed_bytes,
            min_oom_score_adj=self.floor,
            above_reserved_bytes=self.above_reserved_bytes,
            reason=self.reason or "lowmemorykiller",
        )


def read_kernel_kills(
    lines: Iterable[NumberedLine],
) -> tuple[tuple[KernelKill, ...], tuple[NumberedLine, ...]]:
    """
    The kills in a kernel log, and the lines that start as one and cannot be read.

    Lines of other things are skipped, also inside a record. A record whose end was cut has None
    for what is missing.
    """
    reader = _Reader()
    for number, line in lines:
        # /dev/kmsg and some dumps escape the line ends of one record.
        kept = line[:_LONGEST_LINE]
        for part in kept.split("\\x0a"):
            reader.take(number, kept, part)
    reader.close()
    kills = sorted(reader.kills, key=lambda kill: kill.line_number)
    return tuple(kills), tuple(reader.unread)


class _Reader:
    def __init__(self) -> None:
        self.kills: list[KernelKill] = []
        self.unread: list[NumberedLine] = []
        self.draft: _Draft | None = None
        self.intent: KernelKill | None = None  # "Kill process", until "Killed process" follows
        self.last = 0

    def take(self, number: int, whole: str, line: str) -> None:
        """Read one line, or one escaped part of it."""
        if number - self.last > _RECORD_LINES:
            self.close()
        if "oom_reaper: reaped" in line:
            self._reaped(number, whole, line)
        elif "ill" not in line:  # both openings have it, and most lines of a log do not
            pass
        elif _DRIVER_OPENINGS.search(line) is not None:
            self.close()
            self.last = number
            self._open(number, whole, line)
        elif _OOM_OPENINGS.search(line) is not None:
            self.last = number
            self._oom(number, whole, line)
        if self.draft is not None:
            self.draft.take(line)

    def _open(self, number: int, whole: str, line: str) -> None:
        head = _DRIVER.search(line)
        old = _OLD_DRIVER.search(line)
        found = head or old
        if found is None:
            self.unread.append((number, whole))
            return
        self.draft = _Draft(
            number, kernel_time(whole), int(found["pid"]), found["name"], int(found["adj"])
        )
        if old is not None:
            self.draft.freed_bytes = int(old["pages"]) * _PAGE_BYTES

    def _oom(self, number: int, whole: str, line: str) -> None:
        summary = _OOM_SUMMARY.search(line)
        intent = summary or _OOM_INTENT.search(line)
        kill = _oom_kill(number, whole, line)
        if intent is not None:
            if self.intent is None or self.intent.pid != int(intent["pid"]):
                self.close()
            self.intent = KernelKill(
                number, kernel_time(whole), True, int(intent["pid"]), intent["name"],
                int(summary["uid"]) if summary else None, None, None, None, None,
                _oom_reason(line),
            )  # fmt: skip
        elif kill is not None:
            self.intent = None  # it named the same process, or the child that went in its place
            self.kills.append(kill)
        else:
            self.unread.append((number, whole))

    def _reaped(self, number: int, whole: str, line: str) -> None:
        """Read the line of the OOM reaper, which is all that some logs keep of a kill."""
        found = _OOM_REAPER.search(line)
        if found is None or any(
            kill.oom and kill.pid == int(found["pid"]) for kill in self.kills[-_RECORD_LINES:]
        ):
            return
        self.intent = None
        self.kills.append(
            KernelKill(
                number, kernel_time(whole), True, int(found["pid"]), found["name"],
                None, None, None, None, None, "out of memory",
            )
        )  # fmt: skip

    def close(self) -> None:
        """End the record that was being read."""
        if self.draft is not None:
            self.kills.append(self.draft.finish())
        if self.intent is not None:
            self.kills.append(self.intent)
        self.draft = self.intent = None


def _oom_kill(number: int, whole: str, line: str) -> KernelKill | None:
    head = _OOM.search(line)
    if head is None:
        return None
    sizes = [int(size["kib"]) * KIB for size in _OOM_SIZE.finditer(line)]
    uid = _OOM_UID.search(line)
    adj = _OOM_ADJ.search(line)
    return KernelKill(
        line_number=number,
        at=kernel_time(whole),
        oom=True,
        pid=int(head["pid"]),
        name=head["name"],
        uid=int(uid["uid"]) if uid else int(head["old_uid"]) if head["old_uid"] else None,
        oom_score_adj=int(adj["adj"]) if adj else None,
        freed_bytes=sum(sizes) if sizes else None,
        min_oom_score_adj=None,
        above_reserved_bytes=None,
        reason=_oom_reason(line),
    )


def _oom_reason(line: str) -> str:
    of_cgroup = "cgroup out of memory" in line or "constraint=CONSTRAINT_MEMCG," in line
    return "memory cgroup out of memory" if of_cgroup else "out of memory"


def is_kernel_log(lines: Sequence[NumberedLine]) -> bool:
    """Whether half of the lines or more begin as dmesg prints them, in any of its forms."""
    marked = sum(_KERNEL_LINE.match(line) is not None for _, line in lines)
    return bool(lines) and marked * 2 >= len(lines)


def kernel_time(line: str) -> str | None:
    """The time that a kernel's line is printed with, in any form of dmesg; None without one."""
    record = _RECORD_TIME.match(line)
    if record is not None:
        seconds, micros = divmod(int(record["us"]), 1_000_000)
        return f"{seconds}.{micros:06d}"
    found = _KMSG_TIME.match(line) or _LOG_TIME.match(line)
    if found is not None:
        return found["at"]
    named = _NAMED_TIME.match(line)
    return named["at"] or named["iso"] or named["syslog"] if named else None
