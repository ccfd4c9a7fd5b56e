"""The lines of the pressure program (device-scripts/PROTOCOL.md), checked."""

from __future__ import annotations

from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.wire import Line, lines_of, only_line_of
from droidreclaim.model.bounded import Adj, Difference, Pid, Size, Text, Uid, Word
from droidreclaim.model.pressure import Death, Level, PressureResult


class _LevelLine(Line, frozen=True):
    taken_bytes: Size | None
    available_bytes: Size | None
    free_bytes: Size | None
    headroom_bytes: Difference | None
    swap_free_bytes: Size | None

    def level(self) -> Level:
        """The same as a plain value."""
        return Level(
            self.taken_bytes,
            self.available_bytes,
            self.free_bytes,
            self.headroom_bytes,
            self.swap_free_bytes,
        )


class PressureLine(_LevelLine, frozen=True):
    """
    A pressure as it stands.

    Attributes:
        phase: ``taking``, ``held`` or ``ended``.
        pid: Of the holder, *watchdog* of who watches it (0 once it is gone).
    """

    phase: Word
    until: Word
    reached: bool
    ended_by: Word | None
    pid: Pid
    watchdog: Pid
    adj: Adj
    for_ms: Size
    lasted_ms: Size
    cap_bytes: Size | None
    available_before_bytes: Size | None
    headroom_before_bytes: Difference | None
    lowest_available_bytes: Size | None
    lowest_headroom_bytes: Difference | None
    lowest_swap_free_bytes: Size | None
    psi_full_us: Size
    oom_kills: Size | None
    ended: Size


class EndedLine(_LevelLine, frozen=True):
    """A process of an app that ended, and how things stood then."""

    pid: Pid
    start: Size
    uid: Uid
    name: Text
    adj: Adj
    at_ms: Size

    def death(self) -> Death:
        """As a value that nobody has spoken for yet."""
        return Death(
            pid=self.pid,
            start_ticks=self.start,
            name=self.name,
            uid=self.uid,
            oom_score_adj=self.adj,
            at_s=self.at_ms / 1000,
            by="unknown",
            reason="",
            level=self.level(),
        )


def result_of(reply: Reply, until_bytes: int | None) -> PressureResult:
    """The value of a reply; raises ParseError when it is not of the form."""
    line = only_line_of(reply, "pressure", PressureLine)
    return PressureResult(
        until=line.until,
        until_bytes=until_bytes,
        reached=line.reached,
        held=line.phase != "ended",
        holder_pid=line.pid,
        ended_by=line.ended_by,
        oom_score_adj=line.adj,
        for_s=line.for_ms / 1000,
        lasted_s=line.lasted_ms / 1000,
        cap_bytes=line.cap_bytes,
        available_before_bytes=line.available_before_bytes,
        headroom_before_bytes=line.headroom_before_bytes,
        now=line.level(),
        lowest=Level(
            line.taken_bytes,
            line.lowest_available_bytes,
            None,
            line.lowest_headroom_bytes,
            line.lowest_swap_free_bytes,
        ),
        psi_full_s=line.psi_full_us / 1e6,
        oom_kills=line.oom_kills,
        deaths=tuple(one.death() for one in lines_of(reply, "ended", EndedLine)),
        deaths_count=line.ended,
    )
