"""The helper's verbs as functions: plain values in, plain values out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from droidreclaim.errors import DeviceError, ParseError, TooMuchOutput
from droidreclaim.helper import wire
from droidreclaim.helper.deploy import DEFAULT_PLACES
from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.session import HelperSession
from droidreclaim.helper.wire import Backend, Hello, Measured
from droidreclaim.model import (
    CACHED_ADJ,
    Advice,
    Memory,
    Process,
    ProcessId,
    SwapChange,
    SwapDevice,
    band_of,
)

__all__ = ["Backend", "Hello", "Measured", "Scan"]

Call = tuple[str, dict[str, str | int | None]]

# What a page-out may take on the slowest phone worth thinking of, so that a deadline is a fault
# and not a big app: 9 ms a MiB under software emulation, with pauses (reference measurements).
_SLOWEST_BYTES_PER_S = 8 << 20

# The helper's own step for a running target; a slow pace gets smaller ones, so as to be even.
_STEP_BYTES = 1 << 20
_SMALLEST_STEP_BYTES = 64 << 10
_STEPS_PER_S = 20


@dataclass(frozen=True, slots=True)
class Scan:
    """
    Every process of the device, not yet attributed to packages.

    Attributes:
        packages_list: Lines of /data/system/packages.list; None where it could not be read.
        unreadable: Processes that are there and could not be read, or not their status.
        unreadable_errno: Of the last of them.
    """

    processes: tuple[Process, ...]
    packages_list: str | None
    unreadable: int
    unreadable_errno: str | None = None

    @property
    def hidden(self) -> bool:
        """Whether the kernel hides processes of others from it (hidepid): init, above all."""
        return not any(one.pid == _INIT_PID for one in self.processes)


_INIT_PID = 1
HELLO: Call = ("hello", {})
PROBE: Call = ("probe", {})
SCAN: Call = ("scan", {"packages": 1})


def read_files(*names: str) -> Call:
    """A request for the text of kernel files, by the names PROTOCOL.md lists."""
    return ("read", {"files": ",".join(names)})


def hello_of(reply: Reply) -> Hello:
    """The helper that answers: its protocol, its build, and what it is allowed to do."""
    return wire.only_line_of(reply, "hello", Hello)


def backends_of(reply: Reply) -> dict[str, Backend]:
    """Each backend that the helper tried, by its name."""
    return {line.name: line for line in wire.lines_of(reply, "backend", Backend)}


def scan_of(reply: Reply) -> Scan:
    """The processes of a scan, and the package list that came with it."""
    processes = ranked(reply, map(process_of, wire.lines_of(reply, "proc", wire.Proc)))
    lines = [package.line for package in wire.lines_of(reply, "package", wire.Package)]
    text = None if None in lines else "".join(f"{line}\n" for line in lines)
    unreadable = wire.lines_of(reply, "unreadable", wire.Unreadable)
    errno = next((line.errno for line in unreadable), None)
    return Scan(processes, text, sum(line.count for line in unreadable), errno)


def ranked(reply: Reply, processes: Iterable[Process]) -> tuple[Process, ...]:
    """*processes* with how near those are to their user whose own adj nobody keeps."""
    lines = wire.lines_of(reply, "importance", wire.Importance)
    unkept = {line.pid: line.importance for line in lines}
    return tuple(
        replace(one, adj_kept=one.pid not in unkept, adj_of_app=unkept.get(one.pid))
        for one in processes
    )


def guards_of(scan: Scan) -> tuple[int, ...]:
    """Pids of guards that run: children of init with a program of ours by that name."""
    prefix = f"{DEFAULT_PLACES.home}/guard-"
    return tuple(one.pid for one in scan.processes if one.ppid == 1 and one.name.startswith(prefix))


def files_of(reply: Reply) -> dict[str, str | None]:
    """Texts by path, parts joined; None for a file that could not be read."""
    texts: dict[str, str | None] = {}
    for part in wire.lines_of(reply, "file", wire.File):
        so_far = texts.get(part.path)
        texts[part.path] = None if part.text is None else (so_far or "") + part.text
    return texts


@dataclass(frozen=True, slots=True)
class Orders:
    """
    What to advise and what bounds it; None for no bound.

    Attributes:
        floor: oom_score_adj under which a target is dropped, also in the middle.
        budget_bytes: Of all targets together.
        only: Kinds of mappings (``dalvik``, ``code``, ...) instead of *what*.
        hot: ``keep``: all but what resumes need; ``only``: nothing but that; None: both.
        addresses: Start and end of the only range meant, of a single target.
        swap_floor_bytes: Free swap that is to be left.
        memory_floor_bytes: Of a prefetch, the available memory that is to be left.
        backend: ``process_madvise``, or ``proc_reclaim`` or ``memcg``, which have no pace.
    """

    floor: int
    what: str = "anon"
    only: tuple[str, ...] = ()
    hot: str | None = None
    addresses: tuple[int, int] | None = None
    budget_bytes: int | None = None
    swap_floor_bytes: int | None = None
    memory_floor_bytes: int | None = None
    max_bytes_per_s: int | None = None
    backend: str = "process_madvise"
    dry_run: bool = False

    def values(self) -> dict[str, str | int | None]:
        """The keys and values of a request."""
        step_bytes, pause_us = _pace(self.max_bytes_per_s)
        return {
            "what": None if self.only else self.what,
            "only": ",".join(self.only) or None,
            "hot": self.hot,
            "range": "{:x}-{:x}".format(*self.addresses) if self.addresses else None,
            "budget_bytes": self.budget_bytes,
            "swap_floor_bytes": self.swap_floor_bytes,
            "memory_floor_bytes": self.memory_floor_bytes,
            "step_bytes": step_bytes,
            "pause_us": pause_us,
            "idle_first": 1,
            "backend": self.backend,
            "dry": 1 if self.dry_run else None,
        }


@dataclass(frozen=True, slots=True)
class Advised:
    """
    What became of each target, and of the device's swap meanwhile.

    Attributes:
        advices: Of the targets that the helper told of; fewer than asked for when it was cut short.
        swap: None when no answer came, or none that adds up: anything may have been done.
        ended_by: What cut it short: an interrupt, a lost or silent device, an end from outside.
    """

    advices: tuple[Advice, ...]
    swap: SwapChange | None
    ended_by: BaseException | None = None


def advise(
    session: HelperSession, verb: str, targets: Sequence[Process], orders: Orders
) -> Advised:
    """
    Page out (*verb* ``pageout``), deactivate (``cold``) or bring back (``prefetch``) *targets*, in
    the order given, but those that are frozen or stopped first: they cost nobody a stall.

    What cuts it short once it was asked for is no exception but `Advised.ended_by`.

    Raises:
        DeviceLost: the link was gone before the request could be sent.
        HelperError: the helper refused the request.
    """
    request_id = session.send_all([advice_call(verb, targets, orders)])[0]
    held = [process.memory for process in targets]
    held_bytes = sum((one.rss_bytes or 0) + (one.swap_bytes or 0) for one in held)
    patience_s = held_bytes / _SLOWEST_BYTES_PER_S
    if orders.max_bytes_per_s is not None:
        patience_s += 2 * held_bytes / orders.max_bytes_per_s
    ended_by: BaseException | None = None
    try:
        reply: Reply | None = session.receive(request_id, patience_s=patience_s)
    except KeyboardInterrupt as error:
        reply, ended_by = session.cancelled(request_id), error
    except (DeviceError, ParseError, TooMuchOutput) as error:
        reply, ended_by = None, error
    try:
        if reply is not None:
            advices = advices_of(reply, {process.id for process in targets})
            swap = wire.only_line_of(reply, "device", SwapChange)
            return Advised(advices, swap, ended_by or session.cut_short(reply))
    except ParseError as error:
        ended_by = ended_by or error
    return Advised((), None, ended_by)


def advice_call(verb: str, targets: Sequence[Process], orders: Orders) -> Call:
    """The request of `advise`, for a dry run in the same round trip as others."""
    words = ",".join(_target(process, orders.floor) for process in targets)
    return verb, {"targets": words, **orders.values()}


def advices_of(reply: Reply, asked: Set[ProcessId | None]) -> tuple[Advice, ...]:
    """What became of the targets of a request, each told of once at most."""
    advices = wire.lines_of(reply, "target", Advice)
    ids = [advice.id for advice in advices]
    if len(set(ids)) < len(ids) or not asked >= set(ids):
        strange = next(one for one in ids if one not in asked or ids.count(one) > 1)
        raise ParseError(
            "helper", 1, str(strange), hint="a target that was not asked for, or twice"
        )
    return advices


def _pace(max_bytes_per_s: int | None) -> tuple[int | None, int | None]:
    """Step and pause, in bytes and microseconds, of which the pause alone keeps the pace."""
    if max_bytes_per_s is None:
        return None, None
    step_bytes = min(_STEP_BYTES, max(_SMALLEST_STEP_BYTES, max_bytes_per_s // _STEPS_PER_S))
    return step_bytes, step_bytes * 1_000_000 // max_bytes_per_s


def measure(session: HelperSession, ids: Iterable[ProcessId]) -> dict[ProcessId, Measured]:
    """
    Measure exactly what processes hold now; a process that is gone has an errno.

    Raises:
        DeviceError: the device was lost or did not answer in time.
    """
    reply = session.call("measure", targets=",".join(str(one) for one in ids))
    lines = wire.lines_of(reply, "memory", Measured)
    return {ProcessId(line.pid, line.start): line for line in lines}


def swap_on(session: HelperSession, size_bytes: int) -> tuple[SwapDevice, ...]:
    """
    Make an unused zram swap of *size_bytes*, whole pages.

    Raises:
        HelperError: ``ENODEV``, there is none; or what the kernel said.
        DeviceError: the device was lost or did not answer in time.
    """
    return wire.lines_of(session.call("swap_on", size_bytes=size_bytes), "swap", SwapDevice)


def swap_off(session: HelperSession, *, patience_s: float) -> tuple[SwapDevice, ...]:
    """
    Undo `swap_on`; *patience_s* is what reading everything back may take.

    Raises:
        HelperError: ``ENOENT``, no swap of ours; ``ENOMEM``, it does not fit into memory.
        DeviceError: the device was lost or did not answer in time.
    """
    return wire.lines_of(session.call("swap_off", patience_s=patience_s), "swap", SwapDevice)


def _target(process: Process, floor: int) -> str:
    """A target with everything that must still hold when the helper gets there."""
    name_crc = zlib.crc32(process.name.encode("utf-8"))
    # A name with U+FFFD was not UTF-8 on the device: its CRC there is another.
    crc = "-" if "\ufffd" in process.name else f"{name_crc:08x}"
    uid = "-" if process.uid is None else process.uid
    return f"{process.pid}:{process.start_ticks}:{floor}:{uid}:{crc}"


def process_of(line: wire.Proc) -> Process:
    """A line of a scan as a plain value."""
    return Process(
        pid=line.pid,
        start_ticks=line.start,
        ppid=line.ppid,
        uid=line.uid,
        name=line.name,
        comm=line.comm,
        packages=(),
        oom_score_adj=line.adj,
        band=band_of(CACHED_ADJ if line.app_frozen else line.adj),
        memory=memory_of(line),
        kernel_thread=line.kthread,
        zombie=line.state == "Z",
        cached_anyway=line.app_frozen,
    )


def memory_of(line: wire.Proc | wire.Again) -> Memory:
    """The memory that a line of a scan tells of."""
    anon, file, shmem = line.rss_anon_bytes, line.rss_file_bytes, line.rss_shmem_bytes
    known = [size for size in (anon, file, shmem) if size is not None]
    return Memory(
        rss_bytes=sum(known) if known else None,
        rss_anon_bytes=anon,
        rss_file_bytes=None if file is None else file + (shmem or 0),
        swap_bytes=line.swap_bytes,
    )
