"""The process records (``*APP*``, ``*PERS*``) of ``dumpsys activity processes``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.adj import known_adj
from droidreclaim.parse.activity.rows import ProcessRef, find_record_ref
from droidreclaim.parse.text.answer import NumberedLine, size_bytes

_HEADER = re.compile(
    r" *\*(?P<kind>\w{1,12})\* UID (?P<uid>\d{1,10}) ProcessRecord\{.{1,500}\}.{0,100}"
)
_OPENING = re.compile(r" *\*\w{1,12}\* UID ")
_NUMBER = re.compile(r"-?\d{1,12}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,8}")
_KEYS = frozenset({
    "uid", "pid", "max", "cur", "set", "curProcState", "setProcState", "lastPss", "lastSwapPss",
    "lastRss", "persistent", "cached", "empty", "isFrozen", "frozen", "removed",
    "currentHostingComponentTypes", "curCapability", "trimMemoryLevel", "thread",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """
    ActivityManager's record of a process; None where this release does not print a field.

    Attributes:
        uid: The uid the process runs under; for an isolated process not its app's.
        owner_uid: The uid of the app it belongs to: differs from *uid* only when isolated.
        packages: ``packageList``: the only sure map from processes to packages.
        dependencies: Packages whose code it loads (a WebView) without belonging to them.
        max_adj: Adj this process may have at most; tells the old scale from the new one.
        cur_adj: Computed adj, on the scale of Android 7 and later whatever was printed.
        set_adj: Adj last handed to lmkd.
        cur_proc_state: A number that means something else in almost every release.
        hosting_types: Bits of android.content ``HostingComponentType`` (Android 12 and later).
        pss_bytes: Rounded by the device, some minutes old: for sorting only.
        started: It has a thread of its own; a record with pid 0 has not started yet.
    """

    ref: ProcessRef
    uid: int
    owner_uid: int
    isolated: bool
    persistent: bool
    packages: tuple[str, ...]
    dependencies: tuple[str, ...]
    max_adj: int | None
    cur_adj: int | None
    set_adj: int | None
    cur_proc_state: int | None
    capabilities: str | None
    cached: bool | None
    empty: bool | None
    frozen: bool | None
    removed: bool
    started: bool
    hosting_types: int | None
    trim_level: int | None
    pss_bytes: int | None
    swap_pss_bytes: int | None
    rss_bytes: int | None


def read_records(source: str, lines: list[NumberedLine]) -> tuple[ProcessRecord, ...]:
    """
    The records in a dump, in its order; none when the dump has no such section.

    Raises:
        ParseError: the head of a record cannot be read.
    """
    return tuple(_read_record(source, block) for block in _blocks(lines))


def _blocks(lines: list[NumberedLine]) -> Iterator[list[NumberedLine]]:
    # A record ends where the indent is back at its head's; blank lines occur inside.
    block: list[NumberedLine] = []
    indent = 0
    for number, line in lines:
        depth = len(line) - len(line.lstrip())
        if _OPENING.match(line):
            if block:
                yield block
            block, indent = [(number, line)], depth
        elif block and line and depth <= indent:
            yield block
            block = []
        elif block:
            block.append((number, line))
    if block:
        yield block


def _read_record(source: str, block: list[NumberedLine]) -> ProcessRecord:
    number, head = block[0]
    match = _HEADER.fullmatch(head)
    ref = find_record_ref(head) if match else None
    if match is None or ref is None:
        raise ParseError(source, number, head)
    fields = _fields(block)
    uids = _user_line_uids(block) or (int(match["uid"]),)
    max_adj = _int(fields.get("max"))
    return ProcessRecord(
        ref=ref,
        uid=uids[-1],
        owner_uid=ref.owner_uid or uids[0],
        isolated=len(uids) > 1 or ref.owner_uid is not None,
        persistent=match["kind"].startswith("PERS"),
        packages=_braced(block, "packageList={"),
        dependencies=_braced(block, "packageDependencies={"),
        max_adj=max_adj,
        cur_adj=_adj(fields.get("cur"), max_adj),
        set_adj=_adj(fields.get("set"), max_adj),
        cur_proc_state=_int(fields.get("curProcState")),
        capabilities=fields.get("curCapability"),
        cached=_flag(fields.get("cached")),
        empty=_flag(fields.get("empty")),
        frozen=_flag(fields.get("isFrozen", fields.get("frozen"))),
        removed=fields.get("removed") == "true",
        started=ref.pid > 0 and fields.get("thread") != "null",
        hosting_types=_hex(fields.get("currentHostingComponentTypes")),
        trim_level=_int(fields.get("trimMemoryLevel")),
        pss_bytes=size_bytes(fields.get("lastPss", "")),
        swap_pss_bytes=size_bytes(fields.get("lastSwapPss", "")),
        rss_bytes=size_bytes(fields.get("lastRss", "")),
    )


def _fields(block: list[NumberedLine]) -> dict[str, str]:
    # The record's own lines stand at one indent; lists of services, providers, tasks are deeper.
    depth = min((_indent(line) for _, line in block[1:] if line), default=0)
    fields: dict[str, str] = {}
    for _, line in block[1:]:
        if "=" not in line or _indent(line) != depth or len(line) > 1000:
            continue
        for token in line.split():
            key, equals, value = token.partition("=")
            if equals and key in _KEYS:
                fields.setdefault(key, value)
    return fields


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _user_line_uids(block: list[NumberedLine]) -> tuple[int, ...]:
    # "user #0 uid=1000 ISOLATED uid=99000 gids={}": the owner's, then the one it runs under
    for _, line in block[1:4]:
        if line.lstrip().startswith("user #"):
            tokens = line[:500].split()
            uids = [_int(token[4:]) for token in tokens if token.startswith("uid=")]
            return tuple(uid for uid in uids if uid is not None)
    return ()


def _braced(block: list[NumberedLine], opening: str) -> tuple[str, ...]:
    for _, line in block[1:]:
        if line.lstrip().startswith(opening):
            inside = line.lstrip().removeprefix(opening).partition("}")[0]
            return tuple(name.strip() for name in inside.split(",") if name.strip())
    return ()


def _int(printed: str | None) -> int | None:
    return int(printed) if printed and _NUMBER.fullmatch(printed) else None


def _adj(printed: str | None, max_adj: int | None) -> int | None:
    adj = _int(printed)
    return None if adj is None else known_adj(adj, max_adj)


def _hex(printed: str | None) -> int | None:
    return int(printed, 16) if printed and _HEX.fullmatch(printed) else None


def _flag(printed: str | None) -> bool | None:
    return {"true": True, "false": False}.get(printed or "")
