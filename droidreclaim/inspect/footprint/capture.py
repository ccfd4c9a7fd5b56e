"""A footprint from captured text: what one moment can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from droidreclaim.errors import NotAchieved, ParseError
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.play_memory import load
from droidreclaim.model import USER_RANGE
from droidreclaim.model.footprint import Moment, PlayState, ProcessMoment
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.parse.activity.meminfo_app import AppMemory, read_blocks
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.parse.text.bugreport import Captured, Kind
from droidreclaim.policy.footprint import judged_as, play_state, ram_class
from droidreclaim.policy.footprint_made import at_least_bytes, made_of_meminfo
from droidreclaim.snapshot import Member, states

_WANTED = frozenset({Kind.ACTIVITY, Kind.APPS_MEMORY, Kind.MEMINFO})


def of_capture(path: Path, packages: Sequence[str], *, game: bool = False) -> Moment:
    """
    What a bug report or dumps say of *packages* at their one moment.

    Raises:
        UsageError: there is no such file.
        ParseError: it holds neither processes nor their memory, or they cannot be read.
        NotAchieved: it names no process of *packages*.
    """
    thresholds = load(game=game)
    capture = read_capture(path, _WANTED, Kind.APPS_MEMORY)
    left_out = list(capture.left_out)
    members = _members(capture, left_out)
    memory = _memory(capture, left_out)
    if not members and not memory:
        hint = "; ".join(["no process in it", *left_out[:3]])
        raise ParseError(str(path), 1, "", hint=hint)
    found = tuple(
        _process(pid, members.get(pid), memory.get(pid))
        for pid in sorted({*members, *memory})
        if _is_of(packages, members.get(pid), memory.get(pid))
    )
    if not found:
        raise NotAchieved(f"no process of {', '.join(packages)} in {path}")
    text = capture.readable(Kind.MEMINFO, parse_meminfo)
    ram_bytes = parse_meminfo(text).total_bytes if text else None
    ram_gb = ram_class(ram_bytes, thresholds.classes)
    judged_gb = judged_as(ram_bytes, thresholds.classes)
    return Moment(
        tuple(packages), thresholds.kind, capture.taken_at, ram_bytes, ram_gb, judged_gb, found,
        tuple(left_out),
    )  # fmt: skip


def _members(capture: Captured, left_out: list[str]) -> dict[int, Member]:
    members: dict[int, Member] = {}
    for piece in capture.pieces(Kind.ACTIVITY):
        try:
            members = members or states.members_of(parse_processes(piece.text))
        except ParseError as error:  # a dump of activities, or one that is cut off
            left_out.append(f"{piece.name}: {error}"[:300])
    return members


def _memory(capture: Captured, left_out: list[str]) -> dict[int, AppMemory]:
    memory: dict[int, AppMemory] = {}
    for piece in capture.pieces(Kind.APPS_MEMORY):
        blocks, refused = read_blocks(piece.text)
        left_out += [f"{piece.name}: {error}"[:300] for error in refused]
        if not blocks:
            left_out.append(f"{piece.name}: no table of a process: it takes 'dumpsys meminfo -a'")
        memory = {one.pid: one for one in blocks} | memory
    return memory


def _is_of(packages: Sequence[str], member: Member | None, memory: AppMemory | None) -> bool:
    name = member.name if member else memory.name if memory else ""
    its_packages = member.packages if member else ()
    return any(package in (name.partition(":")[0], *its_packages) for package in packages)


def _process(pid: int, member: Member | None, memory: AppMemory | None) -> ProcessMoment:
    play = member.state if member else None
    state = play_state(play.proc_state) if play and play.proc_state else None
    held = f": {play.held_by}" if play and play.held_by else ""
    uid = member.uid if member else None
    return ProcessMoment(
        pid=pid,
        name=member.name if member else memory.name if memory else "",
        user=None if uid is None else uid // USER_RANGE,
        proc_state=play.proc_state if play else None,
        state=state,
        reason=f"{play.why}{held}" if play and play.why else None,
        at_least_bytes=at_least_bytes(memory) if memory else None,
        made=made_of_meminfo(memory, state or PlayState.UNSURE) if memory else None,
    )
