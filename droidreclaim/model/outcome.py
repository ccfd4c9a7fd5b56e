"""What the helper did to processes and what it saw, by its own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.model.bounded import Adj, Pid, Size, Text, Word
from droidreclaim.model.process import Memory, ProcessId

FILE_KINDS = ("code", "data")


class Outcome(StrEnum):
    """What became of a target."""

    RECLAIMED = "reclaimed"
    NOTHING = "nothing"  # advised and nothing moved: the reason says why
    GONE = "gone"
    DENIED = "denied"
    STOPPED = "stopped"  # it came to the foreground, or the session ended
    ESTIMATED = "estimated"  # a dry run
    ADVISED = "advised"  # marked cold: nothing has moved yet
    PREFETCHED = "prefetched"  # in memory again before it was touched


class Reason(StrEnum):
    """Why a process was left alone, or not all of it was done; the command line's fixed words."""

    FOREGROUND = "foreground"
    PERCEPTIBLE = "perceptible"
    BELOW_FLOOR = "below_floor"
    SYSTEM = "system"
    BUSY = "busy"
    SHARED = "shared"
    SHARED_CGROUP = "shared_cgroup"
    LOCKED = "locked"
    ALREADY_SWAPPED = "already_swapped"
    INCOMPRESSIBLE = "incompressible"
    NO_SWAP = "no_swap"
    NOT_SWAPPED = "not_swapped"
    NOT_LEARNED = "not_learned"
    HOT = "hot"
    SWAP_BUDGET = "swap_budget"
    SWAP_LIMIT = "swap_limit"
    ZRAM_FULL = "zram_full"
    NO_MEMORY = "no_memory"
    BUDGET = "budget"
    CANCELLED = "cancelled"
    CHANGED = "changed"
    GONE = "gone"
    DENIED = "denied"
    NOT_ROOT = "not_root"
    STUCK = "stuck"
    UNSUPPORTED = "unsupported"
    NOT_PROVEN = "not_proven"
    ZOMBIE = "zombie"
    KERNEL_THREAD = "kernel_thread"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Ranges that the kernel took no advice on, by errno name."""

    errno: Word
    ranges: Size
    bytes: Size


@dataclass(frozen=True, slots=True)
class KindUse:
    """
    What a process holds in mappings of one kind; None where the kernel does not tell.

    Attributes:
        kind: ``dalvik``, ``native``, ``stack``, ``unnamed``, ``code``, ``data``.
        locked_bytes: Part of *exclusive_bytes* that mlock() holds: the kernel refuses it.
    """

    kind: Word
    mapped_bytes: Size
    exclusive_bytes: Size | None
    shared_bytes: Size | None
    swapped_bytes: Size | None
    locked_bytes: Size | None

    @property
    def movable_bytes(self) -> int | None:
        """What a page-out would move."""
        if self.exclusive_bytes is None:
            return None
        return max(0, self.exclusive_bytes - (self.locked_bytes or 0))


@dataclass(frozen=True, slots=True)
class Advice:
    """
    What the helper did to one process and what it saw, before any judgement: a line ``target`` of
    its answer, by the names it has there.

    Attributes:
        start: Start time of the process in clock ticks, as of `ProcessId`.
        outcome: The helper's word: ``advised``, ``nothing``, ``gone``, ``changed``, ``denied``,
            ``stopped``, ``unsupported``.
        reason: Fixed word of the command line's list, or None.
        advised_bytes: None where the helper could not tell any more.
        exclusive_bytes: Resident and mapped by this process alone, of the mappings meant; this and
            the next two are None where the kernel has no pagemap to read.
        shared_bytes: Resident and mapped by other processes too: process_madvise never moves it.
        swapped_bytes: In swap already.
        longest_us: Longest single call; what the app may have waited for its memory map.
        approximate: before and after come from ``status``, which may be off by some hundred KiB.
        kinds: The kinds of mappings it has, after a dry run only.
        swap_room_bytes: What its own cgroup's limit of swap still leaves; None without a limit.
        resumes: Of how many it is known what they needed; None where that was not asked for.
        left_out_bytes: What was left in memory (by a prefetch: in swap) because of that.
    """

    pid: Pid
    start: Size
    outcome: Word
    reason: Reason | None
    advised_bytes: Size | None
    exclusive_bytes: Size | None
    shared_bytes: Size | None
    swapped_bytes: Size | None
    refused: tuple[Refusal, ...]
    adj: Adj | None
    frozen: bool | None
    steps: Size
    longest_us: Size
    duration_us: Size
    before: Memory | None
    after: Memory | None
    major_faults: Size | None
    approximate: bool
    kinds: tuple[KindUse, ...] = ()
    swap_room_bytes: Size | None = None
    resumes: Size | None = None
    left_out_bytes: Size | None = None

    @classmethod
    def untold(cls, target: ProcessId, adj: int | None, advised_bytes: int | None) -> Advice:
        """A target without an answer: *advised_bytes* 0 when nothing was done, None if unknown."""
        return cls(
            pid=target.pid,
            start=target.start_ticks,
            outcome="stopped",
            reason=Reason.CANCELLED if advised_bytes == 0 else Reason.NOT_PROVEN,
            advised_bytes=advised_bytes,
            exclusive_bytes=None,
            shared_bytes=None,
            swapped_bytes=None,
            refused=(),
            adj=adj,
            frozen=None,
            steps=0,
            longest_us=0,
            duration_us=0,
            before=None,
            after=None,
            major_faults=None,
            approximate=True,
        )

    @property
    def id(self) -> ProcessId:
        """The process it is about."""
        return ProcessId(self.pid, self.start)

    @property
    def longest_s(self) -> float:
        """*longest_us* in seconds."""
        return self.longest_us / 1e6

    @property
    def duration_s(self) -> float:
        """How long it took, in seconds."""
        return self.duration_us / 1e6

    @property
    def movable_bytes(self) -> int | None:
        """What a page-out would move, after a dry run; None without pagemap."""
        unlimited, files = self._free_to_move_bytes, self.movable_file_bytes
        if unlimited is None or self.swap_room_bytes is None:
            return unlimited
        return files + min(unlimited - files, self.swap_room_bytes)

    @property
    def movable_file_bytes(self) -> int:
        """Of that, pages of files, which leave without swap."""
        return sum(one.movable_bytes or 0 for one in self.kinds if one.kind in FILE_KINDS)

    @property
    def at_swap_limit(self) -> bool:
        """Whether more would move if its cgroup might hold more in swap."""
        return self.movable_bytes != self._free_to_move_bytes

    @property
    def _free_to_move_bytes(self) -> int | None:
        """What would move without a limit of its own."""
        parts = [kind.movable_bytes for kind in self.kinds]
        if not parts or None in parts:
            return self.exclusive_bytes
        return sum(part or 0 for part in parts)

    @property
    def rss_fall_bytes(self) -> int | None:
        """By how much RSS fell; negative when the app grew meanwhile."""
        return _fall(self, "rss_bytes")

    @property
    def swap_rise_bytes(self) -> int | None:
        """By how much the process has more in swap."""
        fall = _fall(self, "swap_bytes")
        return None if fall is None else -fall

    @property
    def swapped_share(self) -> float | None:
        """How much of its anonymous memory was in swap before, 0.0 to 1.0."""
        if self.before is None:
            return None
        swapped, resident = self.before.swap_bytes, self.before.rss_anon_bytes
        if swapped is None or resident is None or not swapped + resident:
            return None
        return swapped / (swapped + resident)


@dataclass(frozen=True, slots=True)
class SwapChange:
    """
    Swap of the device around a page-out, in bytes; None without zram.

    Attributes:
        failed_writes: Pages zram refused meanwhile (growth of io_stat's failed_writes).
    """

    swap_total_bytes: Size
    swap_free_before_bytes: Size
    swap_free_after_bytes: Size
    zram_used_before_bytes: Size | None
    zram_used_after_bytes: Size | None
    swap_cached_before_bytes: Size | None
    swap_cached_after_bytes: Size | None
    failed_writes: Size | None

    @property
    def zram_delta_bytes(self) -> int | None:
        """How much more memory zram itself holds."""
        if self.zram_used_before_bytes is None or self.zram_used_after_bytes is None:
            return None
        return self.zram_used_after_bytes - self.zram_used_before_bytes

    @property
    def cached_delta_bytes(self) -> int | None:
        """Pages in swap and still in memory: RSS says they left, and they did not."""
        if self.swap_cached_before_bytes is None or self.swap_cached_after_bytes is None:
            return None
        return self.swap_cached_after_bytes - self.swap_cached_before_bytes


@dataclass(frozen=True, slots=True)
class SwapDevice:
    """
    A zram that was made swap, or was undone.

    Attributes:
        used_bytes: What was swapped there at that moment, before compression.
    """

    path: Text
    size_bytes: Size
    used_bytes: Size | None


def _fall(advice: Advice, field: str) -> int | None:
    if advice.before is None or advice.after is None:
        return None
    before, after = getattr(advice.before, field), getattr(advice.after, field)
    return None if before is None or after is None else before - after
