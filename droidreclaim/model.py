"""The values that cross module borders: processes, their memory, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

USER_RANGE = 100_000  # uid = user * 100000 + app id (android.os.UserHandle.PER_USER_RANGE)
FIRST_APP_ID = 10_000  # below: system uids (android.os.Process.FIRST_APPLICATION_UID)
FIRST_APP_ZYGOTE_ID = 90_000  # isolated uids of app zygotes, then plain isolated ones
FIRST_ISOLATED_ID = 99_000
LAST_ISOLATED_ID = 99_999


class Band(StrEnum):
    """Classes of oom_score_adj, by the bands of ActivityManager's ProcessList."""

    NATIVE = "native"
    SYSTEM = "system"
    PERSISTENT = "persistent"
    FOREGROUND = "foreground"
    VISIBLE = "visible"
    PERCEPTIBLE = "perceptible"
    BACKUP = "backup"
    HEAVY = "heavy"
    SERVICE = "service"
    HOME = "home"
    PREVIOUS = "previous"
    SERVICE_B = "service_b"
    CACHED = "cached"
    UNKNOWN = "unknown"


# Lowest adj of each band (ProcessList.java of Android 16; 1001 is "not set yet").
BAND_FLOORS = (
    (1001, Band.UNKNOWN),
    (900, Band.CACHED),
    (800, Band.SERVICE_B),
    (700, Band.PREVIOUS),
    (600, Band.HOME),
    (500, Band.SERVICE),
    (400, Band.HEAVY),
    (300, Band.BACKUP),
    (200, Band.PERCEPTIBLE),
    (100, Band.VISIBLE),
    (0, Band.FOREGROUND),
    (-800, Band.PERSISTENT),
    (-900, Band.SYSTEM),
    (-1000, Band.NATIVE),
)


def band_of(oom_score_adj: int | None) -> Band:
    """The band an oom_score_adj falls into; unknown for None and for values no release gives."""
    if oom_score_adj is None:
        return Band.UNKNOWN
    for floor, band in BAND_FLOORS:
        if oom_score_adj >= floor:
            return band
    return Band.UNKNOWN


@dataclass(frozen=True, slots=True, order=True)
class ProcessId:
    """
    A process, named so that a recycled pid is not taken for it.

    Attributes:
        start_ticks: Start time in clock ticks since boot (field 22 of /proc/PID/stat). Ticks are
            10 ms, so this is a good name and not a safe handle: the helper acts through a pidfd.
    """

    pid: int
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.pid}:{self.start_ticks}"


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What a process holds, in bytes; None where the device did not say.

    Attributes:
        rss_file_bytes: Resident pages of files and of shared memory.
    """

    rss_bytes: int | None
    rss_anon_bytes: int | None
    rss_file_bytes: int | None
    swap_bytes: int | None


@dataclass(frozen=True, slots=True)
class Process:
    """
    One process of the device and the apps it serves.

    Attributes:
        id: None only in captured text, which has pids without start times.
        name: Process name (``com.example.game:sync``), which is not a package name.
        packages: Packages whose code runs in it, most specific first; empty for native processes.
        user: Android user (0 owner, 10 a work profile), ``uid // 100000``.
        isolated: Runs under an isolated uid (WebView sandbox, app zygote child).
    """

    pid: int
    start_ticks: int | None
    ppid: int | None
    uid: int | None
    name: str
    comm: str
    packages: tuple[str, ...]
    oom_score_adj: int | None
    band: Band
    memory: Memory
    kernel_thread: bool = False
    zombie: bool = False

    @property
    def id(self) -> ProcessId | None:
        """The pid with its start time, or None in captured text."""
        return None if self.start_ticks is None else ProcessId(self.pid, self.start_ticks)

    @property
    def user(self) -> int | None:
        """Android user the uid belongs to."""
        return None if self.uid is None else self.uid // USER_RANGE

    @property
    def isolated(self) -> bool:
        """Whether the uid is one of those given to isolated processes and app zygotes."""
        if self.uid is None:
            return False
        return FIRST_APP_ZYGOTE_ID <= self.uid % USER_RANGE <= LAST_ISOLATED_ID


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What names a device in every answer; None where it could not be asked."""

    serial: str
    model: str | None
    sdk: int | None
    abi: str | None
    kernel: str | None
    page_bytes: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Ranges that the kernel took no advice on, by errno name."""

    errno: str
    ranges: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Advice:
    """
    What the helper did to one process and what it saw, before any judgement.

    Attributes:
        outcome: The helper's word: ``advised``, ``nothing``, ``gone``, ``changed``, ``denied``,
            ``stopped``, ``unsupported``.
        reason: Fixed word of the command line's list, or None.
        exclusive_bytes: Resident and mapped by this process alone, of the mappings meant; this and
            the next two are None where the kernel has no pagemap to read.
        shared_bytes: Resident and mapped by other processes too: process_madvise never moves it.
        swapped_bytes: In swap already.
        longest_s: Longest single call; what the app may have waited for its memory map.
        approximate: before and after come from ``status``, which may be off by some hundred KiB.
    """

    id: ProcessId
    outcome: str
    reason: str | None
    advised_bytes: int
    exclusive_bytes: int | None
    shared_bytes: int | None
    swapped_bytes: int | None
    refused: tuple[Refusal, ...]
    adj: int | None
    frozen: bool | None
    steps: int
    longest_s: float
    duration_s: float
    before: Memory | None
    after: Memory | None
    major_faults: int | None
    approximate: bool


@dataclass(frozen=True, slots=True)
class SwapChange:
    """
    Swap of the device around a page-out, in bytes; None without zram.

    Attributes:
        failed_writes: Pages zram refused meanwhile (growth of io_stat's failed_writes).
    """

    total_bytes: int
    free_before_bytes: int
    free_after_bytes: int
    zram_before_bytes: int | None
    zram_after_bytes: int | None
    cached_before_bytes: int | None
    cached_after_bytes: int | None
    failed_writes: int | None

    @property
    def zram_delta_bytes(self) -> int | None:
        """How much more memory zram itself holds."""
        if self.zram_before_bytes is None or self.zram_after_bytes is None:
            return None
        return self.zram_after_bytes - self.zram_before_bytes

    @property
    def cached_delta_bytes(self) -> int | None:
        """Pages in swap and still in memory: RSS says they left, and they did not."""
        if self.cached_before_bytes is None or self.cached_after_bytes is None:
            return None
        return self.cached_after_bytes - self.cached_before_bytes
