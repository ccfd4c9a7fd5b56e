"""``dumpsys activity processes``, ``oom`` and ``lru``: which processes there are, and why so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.adj import known_adj
from droidreclaim.parse.activity.records import ProcessRecord, read_records
from droidreclaim.parse.activity.rows import (
    LruEntry,
    OomLevel,
    Phantom,
    ProcessRef,
    ProcessRow,
    UidState,
    find_record_ref,
    read_level,
    read_lru_row,
    read_phantom,
    read_process_row,
    read_uid_state,
)
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

PROCESSES = "dumpsys activity processes"
LRU = "dumpsys activity lru"

_TITLE = "ACTIVITY MANAGER "
_START_INFO = "(dumpsys activity start-info)"  # calls itself "LRU PROCESSES", and is none
_PROCESS_TITLES = ("RUNNING PROCESSES", "PROCESSES", "OOM")
_ANNOUNCED = re.compile(r"\((?:sorted by \w{1,20}, )?(\d{1,5}) total\b")
_LRU_SECTIONS = ("Activities:", "Services:", "Other:")
_LRU_SECTION = re.compile(r"[A-Z][A-Za-z ]{2,40}:")
_DETAIL_ADJ = re.compile(
    r" +oom: max=(?P<max>-?\d{1,5}) .{0,100}?\bcur=(?P<cur>-?\d{1,5})\b"
    r"(?: set=(?P<set>-?\d{1,5})\b)?.{0,100}"
)


@dataclass(frozen=True, slots=True)
class ProcessesDump:
    """
    What ``dumpsys activity processes`` or ``oom`` printed; a part it lacks is empty.

    Attributes:
        rows: The LRU list and the OOM control list together, each process once, by adj.
        announced_rows: How many processes the titles say there are. Android 12 was seen to print
            74 in the title and no row: no row is then not "no process".
        isolated: Processes under isolated uids.
        pids: ActivityManager's own map of pids.
        home: The launcher; with *previous*, processes a kill would be noticed at.
    """

    records: tuple[ProcessRecord, ...] = ()
    rows: tuple[ProcessRow, ...] = ()
    announced_rows: int | None = None
    lru: tuple[LruEntry, ...] = ()
    isolated: tuple[ProcessRef, ...] = ()
    pids: tuple[ProcessRef, ...] = ()
    uid_states: tuple[UidState, ...] = ()
    levels: tuple[OomLevel, ...] = ()
    phantoms: tuple[Phantom, ...] = ()
    home: ProcessRef | None = None
    previous: ProcessRef | None = None
    heavy_weight: ProcessRef | None = None


@dataclass(slots=True)
class _Reading:
    """What was read so far, and the section the next line belongs to."""

    section: str = ""
    announced: int | None = None
    rows: dict[tuple[int, str], ProcessRow] = field(default_factory=dict)
    last_row: tuple[int, str] | None = None
    lru: list[LruEntry] = field(default_factory=list)
    lru_section: str = ""
    isolated: list[ProcessRef] = field(default_factory=list)
    pids: list[ProcessRef] = field(default_factory=list)
    uid_states: list[UidState] = field(default_factory=list)
    levels: list[OomLevel] = field(default_factory=list)
    phantoms: list[Phantom] = field(default_factory=list)
    named: dict[str, ProcessRef] = field(default_factory=dict)


def parse_processes(text: str) -> ProcessesDump:
    """
    Read ``dumpsys activity processes`` (also ``-a``, ``-p PACKAGE``) or ``dumpsys activity oom``.

    Raises:
        ParseError: a row, record or reference cannot be read, or there is none; another dump.
    """
    lines = answer_lines(PROCESSES, text)
    _refuse_other_dump(PROCESSES, lines, _PROCESS_TITLES)
    reading = _Reading()
    for numbered in lines:
        _read_line(reading, numbered)
    dump = ProcessesDump(
        records=read_records(PROCESSES, lines),
        rows=tuple(reading.rows.values()),
        announced_rows=reading.announced,
        lru=tuple(reading.lru),
        isolated=tuple(reading.isolated),
        pids=tuple(reading.pids),
        uid_states=tuple(reading.uid_states),
        levels=tuple(reading.levels),
        phantoms=tuple(reading.phantoms),
        home=reading.named.get("mHomeProcess"),
        previous=reading.named.get("mPreviousProcess"),
        heavy_weight=reading.named.get("mHeavyWeightProcess"),
    )
    if dump == ProcessesDump(announced_rows=reading.announced):
        raise no_rows(PROCESSES, text, "process")
    return dump


def parse_lru(text: str) -> tuple[LruEntry, ...]:
    """
    Read ``dumpsys activity lru``, most recently used first.

    Raises:
        ParseError: a row cannot be read or there is none; the command came with Android 10.
    """
    lines = answer_lines(LRU, text)
    _refuse_other_dump(LRU, lines, ("LRU PROCESSES",))
    entries = []
    section = ""
    for number, line in lines:
        row = line.lstrip()
        if _LRU_SECTION.fullmatch(row):
            section = row[:-1]
        elif row.startswith("#"):
            entries.append(read_lru_row(LRU, (number, line), section))
        elif row and not row.startswith(_TITLE):
            raise ParseError(LRU, number, line)
    if not entries:
        raise no_rows(LRU, text, "process")
    return tuple(entries)


def _refuse_other_dump(source: str, lines: list[NumberedLine], titles: tuple[str, ...]) -> None:
    for number, line in lines:
        other = not line.removeprefix(_TITLE).startswith(titles) or _START_INFO in line
        if line.startswith(_TITLE) and other:
            raise ParseError(source, number, line, hint="this is another dump")


def _read_line(reading: _Reading, numbered: NumberedLine) -> None:
    line = numbered[1]
    row = line.lstrip()
    if line.startswith("  ") and line[2:3].strip():
        _enter_section(reading, numbered, row)
    if row.startswith(("PERS #", "Proc #")):
        _read_row(reading, numbered)
    elif reading.last_row is not None and line.startswith("        "):
        _read_row_detail(reading, line)
    elif row.startswith("#") and reading.section.startswith("Raw LRU list"):
        reading.lru.append(read_lru_row(PROCESSES, numbered, reading.lru_section))
    elif row in _LRU_SECTIONS:
        reading.lru_section = row[:-1]
    else:
        _read_section_line(reading, numbered, row)


def _enter_section(reading: _Reading, numbered: NumberedLine, title: str) -> None:
    reading.section = title
    reading.last_row = None
    announced = _ANNOUNCED.search(title[:200])
    if announced:
        reading.announced = int(announced[1])
    name, colon, rest = title.partition(": ")
    if colon and name in ("mHomeProcess", "mPreviousProcess", "mHeavyWeightProcess"):
        ref = find_record_ref(rest)
        if ref is not None:
            reading.named[name] = ref


def _ref_or_raise(numbered: NumberedLine) -> ProcessRef:
    ref = find_record_ref(numbered[1])
    if ref is None:
        raise ParseError(PROCESSES, *numbered)
    return ref


def _read_row(reading: _Reading, numbered: NumberedLine) -> None:
    row = read_process_row(PROCESSES, numbered)
    key = (row.ref.pid, row.ref.name)
    if row.ref.pid == 0:  # several that start now share the pid 0, even with one name
        key = (-row.index - 1, row.ref.name)
    reading.rows.setdefault(key, row)
    reading.last_row = key


def _read_row_detail(reading: _Reading, line: str) -> None:
    assert reading.last_row is not None
    row = reading.rows[reading.last_row]
    detail = _DETAIL_ADJ.fullmatch(line)
    if detail:
        # What the kernel has; "cur" is what it will have.
        adj = known_adj(int(detail["set"] or detail["cur"]), max_adj=int(detail["max"]))
        if adj is not None:
            reading.rows[reading.last_row] = replace(row, adj=adj, adj_exact=True)
    elif "<=" in line and not row.target:
        # "com.example/.Tile<=Proc{117:com.android.systemui/u0a86}", or another object's name
        target = line.partition("<=")[0].strip()[:200]
        reading.rows[reading.last_row] = replace(row, client=find_record_ref(line), target=target)


def _read_section_line(reading: _Reading, numbered: NumberedLine, row: str) -> None:
    if row.startswith("Isolated #"):
        reading.isolated.append(_ref_or_raise(numbered))
    elif row.startswith("PID #"):
        reading.pids.append(_ref_or_raise(numbered))
    elif (
        "UidRecord{" in row and row.startswith("UID ") and reading.section.startswith("UID states")
    ):
        state = read_uid_state(numbered[1])
        if state is None:
            raise ParseError(PROCESSES, *numbered)
        reading.uid_states.append(state)
    elif "_ADJ (" in row and reading.section.startswith("OOM levels"):
        level = read_level(numbered[1])
        if level is None:
            raise ParseError(PROCESSES, *numbered)
        reading.levels.append(level)
    elif "PhantomProcessRecord {" in row:
        phantom = read_phantom(row)
        if phantom is None:
            raise ParseError(PROCESSES, *numbered)
        reading.phantoms.append(phantom)
