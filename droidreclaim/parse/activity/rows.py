"""The lines of ActivityManager's process dumps, one at a time: rows, references, levels."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.adj import adj_of_label
from droidreclaim.parse.text.answer import NumberedLine, kib_bytes
from droidreclaim.parse.text.uids import owner_uid_of, uid_of, uid_of_record

# Read from both ends, as the middle moved between releases: "trm:" became "t:", capabilities
# appeared and grow, labels hold blanks ("cch+ 5", "vis  + 1") and so do groups ("R/ /BFGS").
_PROCESS_ROW = re.compile(
    r" *(?P<kind>PERS|Proc) # {0,4}(?P<index>\d{1,5}): (?P<label>\S.{0,30}?) +"
    r"(?P<group>\S)/(?P<foreground>.)/(?P<state>\S{1,8})(?: +(?P<caps>[A-Za-z-]{2,24}))? +"
    r"(?:trm|t): {0,3}(?P<trim>-?\d{1,4}) +(?P<ref>\d{1,8}:\S{1,400}) \((?P<why>.{0,400})\)"
    r"[^()]{0,200}"  # vendors add words
)
# Android 2.3 to 4.3: "Proc # 0: adj=vis  /F trm= 0 278:com.example/u0a17 (service)"; the first of
# them print a hash before the pid, and no trim level.
_OLD_PROCESS_ROW = re.compile(
    r" *(?P<kind>PERS|Proc) # {0,4}(?P<index>\d{1,5}): adj=(?P<label>[a-z]{2,8}\+?\d{0,2}) *"
    r"/(?P<group>\S)(?P<foreground>[A-Z]?) +(?:trm= {0,3}(?P<trim>-?\d{1,4}) +)?"
    r"(?:[0-9a-f]{6,16} )?(?P<ref>\d{1,8}:\S{1,400}) \((?P<why>.{0,400})\)"
)
_LRU_ROW = re.compile(
    r" *# {0,4}(?P<index>\d{1,5}): (?P<label>[^\s+]{1,16}(?: *\+ *\d{1,3})?) +"
    r"(?P<state>[A-Za-z?]{1,8})(?: +(?P<caps>[A-Za-z-]{2,24}))? +(?P<ref>\d{1,8}:\S{1,400})"
    r"(?: +(?:act:|activity=)(?P<activity>\S{0,200}))?(?: .{0,200})?"
)
_LEVEL = re.compile(r" *(?P<adj>-?\d{1,4}): (?P<name>\w{1,60}_ADJ) \( *(?P<kib>[^K)]{1,30})K\)")
_UID = re.compile(
    r" *UID (?P<uid>\S{1,20}): UidRecord\{\S{1,16} \S{1,20} (?P<rest>[^}]{1,300})\}.{0,300}"
)
_REF = re.compile(r"(?P<pid>\d{1,8}):(?P<rest>[^\s{}]{1,400})")
_PHANTOM = re.compile(
    r"PhantomProcessRecord \{\S{1,16} (\d{1,8}):(\d{1,8}):(\S.{0,300})/(\S{1,20})\}"
)


@dataclass(frozen=True, slots=True)
class ProcessRef:
    """
    A process as dumps name it: ``pid:name/uid``.

    Attributes:
        pid: 0 while the process is being started: no pid to hand to a command.
        name: Process name, not package name; holds several colons in a WebView sandbox.
        uid: The uid it runs under; None when the owner is printed in a way no release uses.
        owner_uid: The app an isolated process belongs to, where the form says so
            (``u0a276i5``); otherwise None.
        printed_uid: As printed.
    """

    pid: int
    name: str
    uid: int | None
    owner_uid: int | None
    printed_uid: str


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """
    One process of ``Process LRU list`` or ``Process OOM control``.

    Attributes:
        index: Position in the LRU list, 0 the least recent; rows are sorted by adj instead.
        proc_state: "" before Android 4.4, which does not print it.
        persistent: Printed as ``PERS``: an app of the system that is never killed for memory.
        label: Adj label as printed (``cch+ 5``).
        adj: Number behind the label, or better from the row's detail line; None if unknown.
        adj_exact: Whether *adj* is the number itself and not the floor of its band.
        sched_group: One letter, whose meaning changed: ``B`` is background until Android 12 and
            bound to the top app after, where ``b`` is background.
        foreground: ``A`` foreground activities, ``S`` foreground services, or "".
        capabilities: Letters at fixed places, ``-`` for none; None before Android 11.
        trim_level: Last onTrimMemory level sent, 0 for none.
        why: Reason for the adj (``service``, ``cch-empty``); free text, vendors add their own.
        client: The process that holds the adj up, from the line below the row.
        target: What it holds there: a service or provider (``com.example/.Tile``); "" for nothing.
    """

    ref: ProcessRef
    index: int
    persistent: bool
    label: str
    adj: int | None
    adj_exact: bool
    sched_group: str
    foreground: str
    proc_state: str
    capabilities: str | None
    trim_level: int
    why: str
    client: ProcessRef | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class LruEntry:
    """
    One process of ``dumpsys activity lru`` (Android 10 and later).

    Attributes:
        index: Position, the highest the most recent.
        section: ``Activities``, ``Services`` or ``Other``; "" when the title was cut off.
        activity: What keeps it in the first section: ``activities``, ``recents``, ``client``.
    """

    ref: ProcessRef
    index: int
    section: str
    label: str
    adj: int | None
    adj_exact: bool
    proc_state: str
    capabilities: str | None
    activity: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OomLevel:
    """A level of ``OOM levels``: its adj, its name, and the free memory (bytes) it is for."""

    adj: int
    name: str
    free_bytes: int


@dataclass(frozen=True, slots=True)
class UidState:
    """A uid's state: ``idle`` means its background limits apply."""

    uid: int
    proc_state: str
    idle: bool


@dataclass(frozen=True, slots=True)
class Phantom:
    """A child process of an app (Android 12 and later), which ActivityManager may kill."""

    pid: int
    ppid: int
    name: str
    uid: int | None


def read_ref(printed: str) -> ProcessRef | None:
    """
    ``pid:name/uid``, None when it is not that.

    The name is everything between the first colon and the last slash.
    """
    match = _REF.fullmatch(printed)
    if match is None:
        return None
    name, slash, owner = match["rest"].rpartition("/")
    if not slash or not name or not owner:
        return None
    return ProcessRef(int(match["pid"]), name, uid_of(owner), owner_uid_of(owner), owner)


def find_record_ref(line: str) -> ProcessRef | None:
    """The process of the first ``ProcessRecord{hash pid:name/uid}`` (or ``Proc{..}``) in a line."""
    for opening in ("ProcessRecord{", "Proc{"):
        _, found, rest = line[:2000].partition(opening)
        if found:
            return read_ref(rest.partition("}")[0].rpartition(" ")[2])
    return None


def read_process_row(source: str, numbered: NumberedLine) -> ProcessRow:
    """
    A row that starts with ``PERS #`` or ``Proc #``.

    Raises:
        ParseError: it has no process, or its columns are not those of any release up to 16.
    """
    number, line = numbered
    row = _PROCESS_ROW.fullmatch(line) or _OLD_PROCESS_ROW.fullmatch(line)
    ref = read_ref(row["ref"]) if row else None
    if row is None or ref is None:
        raise ParseError(source, number, line)
    adj = adj_of_label(row["label"])
    columns = row.groupdict()
    return ProcessRow(
        ref=ref,
        index=int(row["index"]),
        persistent=row["kind"] == "PERS",
        label=row["label"],
        adj=adj.adj,
        adj_exact=adj.exact,
        sched_group=row["group"],
        foreground=row["foreground"].strip(),
        proc_state=columns.get("state") or "",
        capabilities=columns.get("caps"),
        trim_level=int(row["trim"] or 0),
        why=row["why"],
    )


def read_lru_row(source: str, numbered: NumberedLine, section: str) -> LruEntry:
    """
    A row ``#67: fg TOP LCMN 6918:name/u0a226 act:activities``.

    Raises:
        ParseError: the row cannot be read.
    """
    number, line = numbered
    row = _LRU_ROW.fullmatch(line)
    ref = read_ref(row["ref"]) if row else None
    if row is None or ref is None:
        raise ParseError(source, number, line)
    adj = adj_of_label(row["label"])
    return LruEntry(
        ref=ref,
        index=int(row["index"]),
        section=section,
        label=row["label"],
        adj=adj.adj,
        adj_exact=adj.exact,
        proc_state=row["state"],
        capabilities=row["caps"],
        activity=tuple(part for part in (row["activity"] or "").split("|") if part),
    )


def read_level(line: str) -> OomLevel | None:
    """``900: CACHED_APP_MIN_ADJ (  221,184K)``, None when it is not that."""
    match = _LEVEL.fullmatch(line)
    free = kib_bytes(match["kib"]) if match else None
    if match is None or free is None:
        return None
    return OomLevel(int(match["adj"]), match["name"], free)


def read_uid_state(line: str) -> UidState | None:
    """``UID u0a18: UidRecord{3f13e6e u0a18 CEM  bg:+16m idle procs:1 ..}``, None if it is not."""
    match = _UID.fullmatch(line)
    uid = uid_of_record(match["uid"]) if match else None
    if match is None or uid is None:
        return None
    state, *flags = match["rest"].split() or [""]
    return UidState(uid, state, "idle" in flags)


def read_phantom(line: str) -> Phantom | None:
    """``proc #0: PhantomProcessRecord {8f0d7dc 2611:3461:logcat/u0a164}``: pid, parent, name."""
    match = _PHANTOM.search(line[:1000])
    if match is None:
        return None
    return Phantom(int(match[1]), int(match[2]), match[3], uid_of(match[4]))
