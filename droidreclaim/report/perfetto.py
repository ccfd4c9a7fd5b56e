"""
What happened on a device as a trace that ui.perfetto.dev opens, on the boot clock. Pure.

It merges with a system trace that was taken meanwhile: ``cat system.pftrace ours.pftrace``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from droidreclaim.errors import NotPossible
from droidreclaim.escape import safe

_BOOTTIME = 6  # BuiltinClock of Perfetto: CLOCK_BOOTTIME
_SEQUENCE = 0x64726F69  # any that no other writer of a merged trace has
_LMKD_PID = 1  # lmkd's own is in no log; Perfetto's table does not keep it


@dataclass(frozen=True, slots=True)
class Named:
    """A process, and what it is called."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """Memory of a process at a moment; Perfetto's own tracks of that process show it."""

    at_us: int
    pid: int
    anon_bytes: int
    swap_bytes: int
    oom_score_adj: int | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that took time, on a track by name; without *took_us* a moment."""

    track: str
    name: str
    at_us: int
    took_us: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A number at a moment, on a counter track by name."""

    track: str
    at_us: int
    value: int


@dataclass(frozen=True, slots=True)
class LowMemoryKill:
    """A kill by lmkd, in the form that fills Perfetto's ``android_lmk_events``."""

    at_us: int
    pid: int
    reason: int
    oom_score_adj: int


Happening = Named | Held | Stretch | Level | LowMemoryKill


def render(happenings: Iterable[Happening]) -> bytes:
    """
    The trace as Perfetto's protobuf.

    Raises:
        NotPossible: the library that writes it is not installed.
    """
    writer = _Writer(require())
    for one in happenings:
        writer.add(one)
    return bytes(writer.trace.SerializeToString())


def require() -> Any:
    """
    Perfetto's own messages; ask before something long is done for a trace.

    Raises:
        NotPossible: the library is not installed.
    """
    try:
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as proto  # noqa: PLC0415
    except ImportError:
        raise NotPossible(
            "a trace for Perfetto needs its library",
            hint="pip install 'droidreclaim[perfetto]'",
        ) from None
    return proto


class _Writer:
    def __init__(self, proto: Any) -> None:
        self._proto = proto
        self.trace = proto.Trace()
        self._tracks: dict[str, int] = {}

    def add(self, one: Happening) -> None:
        match one:
            case Named():
                self._packet().process_tree.processes.add(pid=one.pid, cmdline=[safe(one.name)])
            case Held():
                self._held(one)
            case Stretch():
                self._stretch(one)
            case Level():
                event = self._packet(one.at_us).track_event
                event.type = self._proto.TrackEvent.TYPE_COUNTER
                event.track_uuid = self._track(one.track, counter=True)
                event.counter_value = one.value
            case LowMemoryKill():
                self._kill(one)

    def _packet(self, at_us: int | None = None) -> Any:
        packet = self.trace.packet.add()
        packet.trusted_packet_sequence_id = _SEQUENCE
        if at_us is not None:
            packet.timestamp = at_us * 1000
            packet.timestamp_clock_id = _BOOTTIME
        return packet

    def _held(self, one: Held) -> None:
        process = self._packet(one.at_us).process_stats.processes.add(
            pid=one.pid, rss_anon_kb=one.anon_bytes // 1024, vm_swap_kb=one.swap_bytes // 1024
        )
        if one.oom_score_adj is not None:
            process.oom_score_adj = one.oom_score_adj

    def _track(self, name: str, *, counter: bool = False) -> int:
        if name not in self._tracks:
            self._tracks[name] = _SEQUENCE + len(self._tracks)
            packet = self._packet()
            packet.track_descriptor.uuid = self._tracks[name]
            packet.track_descriptor.name = safe(name)
            if counter:
                packet.track_descriptor.counter.SetInParent()
        return self._tracks[name]

    def _stretch(self, one: Stretch) -> None:
        kinds = self._proto.TrackEvent
        begin = kinds.TYPE_INSTANT if one.took_us is None else kinds.TYPE_SLICE_BEGIN
        self._event(one, one.at_us, begin, named=True)
        if one.took_us is not None:
            self._event(one, one.at_us + one.took_us, kinds.TYPE_SLICE_END, named=False)

    def _event(self, one: Stretch, at_us: int, kind: int, *, named: bool) -> None:
        uuid = self._track(one.track)
        event = self._packet(at_us).track_event
        event.type, event.track_uuid = kind, uuid
        if named:
            event.name = safe(one.name)
            event.categories.append("droidreclaim")
            if one.words:
                event.debug_annotations.add(name="words", string_value=safe(one.words))

    def _kill(self, one: LowMemoryKill) -> None:
        """An atrace print, as lmkd itself writes one."""
        bundle = self._packet().ftrace_events
        bundle.cpu = 0
        event = bundle.event.add(timestamp=one.at_us * 1000, pid=_LMKD_PID)
        values = f"lmk,{one.pid},{one.reason},{one.oom_score_adj}"
        event.print.buf = f"N|{_LMKD_PID}|lowmemorykiller|{values}\n"
