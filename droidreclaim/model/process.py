"""A process of a device, how near it is to the user, and what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.model.bounded import Size

CACHED_ADJ = 900  # and above; what a process counts as that is cached whatever its adj
USER_RANGE = 100_000  # uid = user * 100000 + app id (android.os.UserHandle.PER_USER_RANGE)
FIRST_APP_ID = 10_000  # below: system uids (android.os.Process.FIRST_APPLICATION_UID)
FIRST_SDK_SANDBOX_ID = 20_000  # an app's SDK sandbox: the app's id and 10,000 (Android 13)
LAST_SDK_SANDBOX_ID = 29_999
SDK_SANDBOX_OFFSET = 10_000
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


class Owner(StrEnum):
    """What proves whose a process is; a name alone does not."""

    UID = "uid"
    PARENT = "parent"
    ACTIVITY_MANAGER = "activity_manager"
    UNPROVEN = "unproven"


def is_isolated(uid: int) -> bool:
    """Whether a uid is one of those given to isolated processes and app zygotes."""
    return FIRST_APP_ZYGOTE_ID <= uid % USER_RANGE <= LAST_ISOLATED_ID


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

    rss_bytes: Size | None
    rss_anon_bytes: Size | None
    rss_file_bytes: Size | None
    swap_bytes: Size | None


@dataclass(frozen=True, slots=True)
class ActivityState:
    """
    What ActivityManager says about a process, asked for only on request; None where it does not.

    Attributes:
        proc_state: Short name (``TOP``, ``CEM``); they differ between releases.
        adj: As ActivityManager computed it; the kernel's own number may lag behind.
        why: Reason for the adj (``service``, ``cch-empty``).
        frozen: Held by the freezer.
        held_by: What of it is bound, and by which process (``a.b/.Tile by c.d (pid 7)``).
        trim_level: Last onTrimMemory level it was sent, 0 for none.
    """

    proc_state: str | None
    adj: int | None
    why: str | None
    frozen: bool | None
    held_by: str | None = None
    trim_level: int = 0


@dataclass(frozen=True, slots=True)
class Process:
    """
    One process of the device and the apps it serves.

    Attributes:
        id: None only in captured text, which has pids without start times.
        name: Process name (``com.example.game:sync``), which is not a package name.
        packages: Packages whose code runs in it, most specific first; empty for native processes.
        user: Android user (0 owner, 10 a work profile), ``uid // 100000``.
        owner: What proves *packages*; None for what is no app's. Unproven, and on a live device
            without packages: an isolated uid, or an unknown one, and nothing but a name.
        isolated: Runs under an isolated uid (WebView sandbox, app zygote child).
        state: None where ActivityManager was not asked or does not know the process.
        cached_anyway: Its adj is 200 to 899, and the freezer (or ActivityManager's state) says that
            it is cached: Android 17 gives an app that was written back to flash 249.
        adj_kept: ActivityManager keeps its adj up to date; not that of an app's native child.
        adj_of_app: Where it does not, the lowest of it and of its app, by the helper.
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
    state: ActivityState | None = None
    cached_anyway: bool = False
    owner: Owner | None = None
    adj_kept: bool = True
    adj_of_app: int | None = None

    @property
    def importance(self) -> int | None:
        """The oom_score_adj that says how near it is to its user; None where that is not known."""
        return self.adj_in_front if self.adj_kept else self.adj_of_app

    @property
    def adj_in_front(self) -> int | None:
        """The oom_score_adj as far as it tells who is in front: that of a cached app if it is."""
        return CACHED_ADJ if self.cached_anyway else self.oom_score_adj

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
        return self.uid is not None and is_isolated(self.uid)


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
class DeviceStatus:
    """
    One row of ``devices``; None where the device could not be asked.

    Attributes:
        state: adb's word: ``device``, ``offline``, ``unauthorized``, ...
        root: How to be root there (``adbd``, ``su -c``, ``su 0``), None without root.
        reason: Why it is not ready, with what to do; None when it is.
    """

    serial: str
    state: str
    kind: str
    model: str | None
    sdk: int | None
    abi: str | None
    root: str | None
    reason: str | None

    @property
    def ready(self) -> bool:
        """Whether reclaim would work on it as far as a look can tell."""
        return self.reason is None
