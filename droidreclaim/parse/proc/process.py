"""One process as ``/proc/PID`` describes it: status, stat, oom_score_adj, cmdline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.lines import filled_lines
from droidreclaim.units import KIB

_STATUS_ROW = re.compile(r"(?P<key>[A-Za-z]\w*):(?:\s+(?P<value>.*))?")
_SIZE = re.compile(r"([0-9]{1,18}) kB")
_STATUS_NUMBERS = {"Tgid", "Pid", "PPid", "TracerPid", "Threads"}
_STATUS_MARKS = _STATUS_NUMBERS | {"Name", "State", "Uid", "Gid", "CapEff"}
_IDS = re.compile(r"(-?[0-9]{1,10})(?:\s+-?[0-9]{1,10}){3}")
_CAPABILITIES = re.compile(r"[0-9a-f]{8,16}")  # 8 digits before Linux 2.6.26
_SIZE_KEYS = {"VmRSS", "VmSwap", "RssAnon", "RssFile", "RssShmem"}
_STAT_TAIL = re.compile(r"(?P<state>[A-Za-z])(?P<rest>(?: -?[0-9]{1,20}){19,80})")


@dataclass(frozen=True, slots=True)
class Status:
    """
    ``/proc/PID/status``, or some of its lines; a property is None where the line is absent.

    Attributes:
        name: comm, at most 15 characters: the last ones of an app's name, the first ones of a
            native program's.
        sizes_bytes: Lines in kB: ``Vm*``, ``Rss*``. Kernel threads and zombies have none.
        fields: Every line as printed, by key.
    """

    name: str | None
    state: str | None
    tgid: int | None
    pid: int | None
    ppid: int | None
    uid: int | None
    threads: int | None
    sizes_bytes: Mapping[str, int]
    fields: Mapping[str, str]

    @property
    def rss_bytes(self) -> int | None:
        """Resident memory, from counters that may lag by up to 64 pages a thread."""
        return self.sizes_bytes.get("VmRSS")

    @property
    def rss_anon_bytes(self) -> int | None:
        """Resident anonymous memory; absent before Linux 4.5."""
        return self.sizes_bytes.get("RssAnon")

    @property
    def rss_file_bytes(self) -> int | None:
        """Resident file pages and shared memory together; absent before Linux 4.5."""
        parts = [
            self.sizes_bytes[key] for key in ("RssFile", "RssShmem") if key in self.sizes_bytes
        ]
        return sum(parts) if parts else None

    @property
    def swap_bytes(self) -> int | None:
        """Anonymous memory in swap, without shared memory."""
        return self.sizes_bytes.get("VmSwap")


def parse_status(text: str, source: str = "/proc/PID/status") -> Status:
    """
    Read ``/proc/PID/status``, whole or picked lines.

    Raises:
        ParseError: a line is not ``Key: value``, a known value is no number, or no key is known.
    """
    fields: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for number, line in filled_lines(source, text):
        row = _STATUS_ROW.fullmatch(line)
        if row is None or not _readable(row["key"], row["value"] or ""):
            raise ParseError(source, number, line)
        key, value = row["key"], row["value"] or ""
        fields.setdefault(key, value)
        if size := _SIZE.fullmatch(value):
            sizes.setdefault(key, int(size[1]) * KIB)
    if not _STATUS_MARKS & fields.keys() and not {"VmRSS", "VmSwap"} & sizes.keys():
        raise no_rows(source, text, "status key")
    numbers = {key: int(value) for key, value in fields.items() if key in _STATUS_NUMBERS}
    return Status(
        name=fields.get("Name"),
        state=fields["State"][:1] if "State" in fields else None,
        tgid=numbers.get("Tgid"),
        pid=numbers.get("Pid"),
        ppid=numbers.get("PPid"),
        uid=int(fields["Uid"].split()[0]) if "Uid" in fields else None,
        threads=numbers.get("Threads"),
        sizes_bytes=MappingProxyType(sizes),
        fields=MappingProxyType(fields),
    )


def _readable(key: str, value: str) -> bool:
    if key in _STATUS_NUMBERS:
        return value.isascii() and value.isdigit() and len(value) <= 10
    if key in {"Uid", "Gid"}:
        return _IDS.fullmatch(value) is not None
    if key.startswith("Cap"):
        return _CAPABILITIES.fullmatch(value) is not None
    if key in _SIZE_KEYS:
        return _SIZE.fullmatch(value) is not None
    return key != "State" or value[:1].isalpha()


@dataclass(frozen=True, slots=True)
class Stat:
    """
    ``/proc/PID/stat``, the parts in use.

    Attributes:
        state: One letter: R S D Z T t X I.
        major_faults: Faults that had to read, from swap or from a file.
        start_ticks: Start time since boot, in clock ticks (10 ms).
        virtual_bytes: Address space.
        rss_pages: Resident pages; inexact, see ``Status.rss_bytes``.
    """

    pid: int
    comm: str
    state: str
    ppid: int
    minor_faults: int
    major_faults: int
    user_ticks: int
    system_ticks: int
    threads: int
    start_ticks: int
    virtual_bytes: int | None
    rss_pages: int | None


def parse_stat(text: str, source: str = "/proc/PID/stat") -> Stat:
    """
    Read ``/proc/PID/stat``: comm stands in parentheses and may hold blanks and parentheses.

    Raises:
        ParseError: not one such record.
    """
    line = text.strip()
    head, opened, rest = line.partition(" (")
    comm, closed, tail = rest.rpartition(") ")
    numbers = _STAT_TAIL.fullmatch(tail)
    if not (head.isascii() and head.isdigit() and len(head) <= 10) or numbers is None:
        raise no_rows(source, text, "stat record")
    if not (opened and closed) or len(comm) > 64:
        raise no_rows(source, text, "stat record")
    # Field N of proc(5) is values[N - 4]: pid, comm and state are gone.
    values = [int(word) for word in numbers["rest"].split()]
    return Stat(
        pid=int(head),
        comm=comm,
        state=numbers["state"],
        ppid=values[0],
        minor_faults=values[6],
        major_faults=values[8],
        user_ticks=values[10],
        system_ticks=values[11],
        threads=values[16],
        start_ticks=values[18],
        virtual_bytes=values[19] if len(values) > 19 else None,
        rss_pages=values[20] if len(values) > 20 else None,
    )
