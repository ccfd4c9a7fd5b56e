"""What an app's memory is made of, from ``dumpsys meminfo`` or ``smaps``. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from droidreclaim.model.footprint import Bitmaps, Made, PlayState, ProcessUse
from droidreclaim.parse.activity.meminfo_app import AppMemory, MemoryRow
from droidreclaim.parse.proc import smaps

_SWAP = ("SwapPss Dirty", "Swap Dirty", "Swapped Dirty")
_PSS = ("Pss Total", "Pss")
# Dirty, and not anonymous: shared memory, and what drivers hold for the process.
_NOT_ANON = frozenset({"Ashmem", "Gfx dev", "Other dev", "EGL mtrack", "GL mtrack", "Other mtrack"})
_GRAPHICS = ("Gfx dev", "EGL mtrack", "GL mtrack")
_BITMAPS = "Bitmap ("
_LATE_US = 10_000_000
_ASHMEM = "/dev/ashmem/"  # how Android 9 and before name anonymous memory: ".../dalvik-main space"
_VERSIONED = re.compile(r"\.so\.[0-9.]+$")
_NUMBERED = re.compile(r":[0-9]+")  # "stack_and_tls:4711": one class for all threads


def rows_of(app: AppMemory) -> tuple[MemoryRow, ...]:
    """The table's own rows, without the Dalvik details that repeat parts of them below it."""
    return tuple(
        row for row in app.rows if not row.name.startswith(".") or row.name.endswith(" mmap")
    )


def at_least_bytes(app: AppMemory) -> int | None:
    """
    Private dirty memory and swap, without what is not anonymous.

    RssAnon + VmSwap is more by what it shares with the zygote; None where dirty memory is not told.
    """
    if app.private_dirty_bytes is None:
        return None
    other = sum(_cell(row, ("Private Dirty",)) for row in rows_of(app) if row.name in _NOT_ANON)
    return max(0, app.private_dirty_bytes - other) + (app.swap_bytes or 0)


def bitmaps_of(app: AppMemory) -> Bitmaps:
    """An upper bound of the pixels, and Android's own count where it prints one."""
    rows = {row.name: row for row in rows_of(app)}
    native = rows.get("Native Heap") or rows.get("Native")
    counted = [one for name, one in app.native.items() if name.startswith(_BITMAPS)]
    return Bitmaps(
        at_most_bytes=_held(native) + _graphics(app, rows) if native else None,
        count=sum(count for count, _ in counted) if counted else None,
        counted_bytes=sum(size for _, size in counted) if counted else None,
    )


def _graphics(app: AppMemory, rows: Mapping[str, MemoryRow]) -> int:
    graphics = app.summary_pss.get("Graphics")
    return (
        graphics
        if graphics is not None
        else sum(_held(rows[name]) for name in _GRAPHICS if name in rows)
    )


def made_of_meminfo(app: AppMemory, state: PlayState, at_us: int | None = None) -> Made:
    """Parts by the classes of dumpsys: PSS, and what is in swap."""
    parts = Counter({row.name: _held(row) for row in rows_of(app)})
    return Made(app.pid, at_us, state, "meminfo", _largest(parts), bitmaps_of(app))


def made_of_smaps(
    pid: int, mappings: Iterable[smaps.Mapping], state: PlayState, at_us: int | None
) -> Made:
    """By the names of mappings: anonymous memory and what is in swap, which is what Play counts."""
    parts: Counter[str] = Counter()
    for one in mappings:
        parts[_class_of(one.name)] += one.held_bytes
    return Made(pid, at_us, state, "smaps", _largest(parts), None)


def _class_of(name: str) -> str:
    if not name:
        return "unnamed"
    if name.startswith("[anon:") and name.endswith("]"):
        return _NUMBERED.sub("", name[6:-1])[:80] or "unnamed"
    if name.startswith("[stack"):
        return "stack"
    path = name.removesuffix(" (deleted)")
    if path.startswith(_ASHMEM):
        return path.removeprefix(_ASHMEM).partition("/")[0][:80]
    if path.startswith("/"):
        file = _VERSIONED.sub(".so", path.rpartition("/")[2])
        kind = file.rpartition(".")
        return f"written pages of {'.' + kind[2] if kind[1] else 'other'} files"[:80]
    return name.strip("[]")[:80]


def _largest(parts: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return {name: size for name, size in ordered if size > 0}


def _held(row: MemoryRow) -> int:
    return _cell(row, _PSS) + _cell(row, _SWAP)


def _cell(row: MemoryRow, names: Iterable[str]) -> int:
    return next((row.cells[name] for name in names if name in row.cells), 0)


def worst_look(one: ProcessUse, looks: Iterable[Made]) -> Made | None:
    """
    The look that says most of a process's worst moment.

    The largest by ``smaps``; without one the nearest by dumpsys in the state that it was in then.
    """
    track = one.track
    last_us = track.ended_us or track.at_us[-1]
    own = [
        look for look in looks
        if look.pid == track.id.pid and look.at_us is not None
        and track.at_us[0] <= look.at_us <= last_us + _LATE_US
    ]  # fmt: skip
    named = [look for look in own if look.source == "smaps"]
    if named:
        return max(named, key=lambda look: look.total_bytes)
    worst = max(range(len(track.at_us)), key=lambda index: track.bytes_[index])
    in_state = [look for look in own if look.state is one.states[worst]] or own
    return min(in_state, key=lambda look: abs((look.at_us or 0) - track.at_us[worst]), default=None)


def bitmaps_at_most(one: ProcessUse, looks: Iterable[Made]) -> dict[PlayState, Bitmaps]:
    """By state the largest upper bound seen there."""
    found: dict[PlayState, Bitmaps] = {}
    for look in looks:
        if look.pid != one.track.id.pid or look.bitmaps is None:
            continue
        known = found.get(look.state)
        if known is None or (known.at_most_bytes or 0) < (look.bitmaps.at_most_bytes or 0):
            found[look.state] = look.bitmaps
    return found
