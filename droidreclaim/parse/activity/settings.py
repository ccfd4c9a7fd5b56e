"""``dumpsys activity settings``: ActivityManager's limits, compaction and the freezer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

SETTINGS = "dumpsys activity settings"

_TITLE = "ACTIVITY MANAGER SETTINGS"
_SETTING = re.compile(r" *(?P<key>[A-Za-z][\w.]{0,100})=(?P<value>.{0,2000})")
_COUNTS = re.compile(
    r" *(?:(?P<what>\w{1,20}): {0,3})?(?P<counts>\d{1,10} some, .{1,200}) compactions\."
)
_FROZEN = re.compile(r" *Apps frozen: (\d{1,6})")
# "    499170472: 1637 com.example (sticky)": milliseconds since boot stand before the pid.
_FROZEN_APP = re.compile(r" +\d{1,15}: (?P<pid>\d{1,8}) (?P<name>\S{1,300})(?: .{0,100})?")
_TOTALS = re.compile(
    r" *Total Compactions Performed by profile: (?P<counts>\d{1,10} some, \d{1,10} full)"
)


@dataclass(frozen=True, slots=True)
class CompactionCounts:
    """Compactions since boot, by what made them: ``some``, ``full``, ``persistent``, ``BFGS``."""

    requested: Mapping[str, int] | None
    performed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LastCompaction:
    """The newest compaction of one process (Android 14 and later), columns by their names."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ActivitySettings:
    """
    ActivityManager's settings; None where this release does not print one.

    Attributes:
        constants: Every ``key=value``, as printed.
        use_compaction: Without it ``am compact`` does nothing and says "Finished".
        cur_max_cached_processes: Cached processes above this number are killed by
            ActivityManager, with or without memory pressure.
        counts: From the optimizer section (Android 10 and later).
        frozen: Frozen processes by pid and name; None where the list is not printed.
    """

    constants: Mapping[str, str]
    has_compactor: bool
    use_compaction: bool | None
    use_freezer: bool | None
    cur_max_cached_processes: int | None
    cur_max_empty_processes: int | None
    counts: CompactionCounts | None
    last_compactions: tuple[LastCompaction, ...]
    frozen_count: int | None
    frozen: tuple[tuple[int, str], ...]


def parse_settings(text: str) -> ActivitySettings:
    """
    Read ``dumpsys activity settings``.

    Raises:
        ParseError: it is another dump, or holds no setting.
    """
    lines = answer_lines(SETTINGS, text)
    constants = {match["key"]: match["value"] for match in _settings(lines)}
    if not any(_is_title(line) for _, line in lines) or not constants:
        raise no_rows(SETTINGS, text, "ActivityManager setting")
    count, apps = _frozen(lines)
    return ActivitySettings(
        constants=constants,
        has_compactor=any(line.endswith(_OPTIMIZERS) for _, line in lines),
        use_compaction=_flag(constants.get("use_compaction")),
        use_freezer=_flag(constants.get("use_freezer")),
        cur_max_cached_processes=_int(constants.get("CUR_MAX_CACHED_PROCESSES")),
        cur_max_empty_processes=_int(constants.get("CUR_MAX_EMPTY_PROCESSES")),
        counts=_counts(lines),
        last_compactions=tuple(_last_compactions(lines)),
        frozen_count=count,
        frozen=apps,
    )


_OPTIMIZERS = ("CachedAppOptimizer settings", "AppCompactor settings")


def _is_title(line: str) -> bool:
    return line.startswith((_TITLE, *_OPTIMIZERS))


def _settings(lines: list[NumberedLine]) -> Iterator[re.Match[str]]:
    for _, line in lines:
        match = _SETTING.fullmatch(line)
        if match:
            yield match


def _counts(lines: list[NumberedLine]) -> CompactionCounts | None:
    found: dict[str, Mapping[str, int]] = {}
    for _, line in lines:
        match = _COUNTS.fullmatch(line)
        if match:  # Android 10 prints one line, without saying that it means performed
            found[match["what"] or "Performed"] = _by_kind(match["counts"])
        elif totals := _TOTALS.fullmatch(line):  # Android 14 and later
            found["Performed"] = _by_kind(totals["counts"])
    if "Performed" not in found:
        return None
    return CompactionCounts(found.get("Requested"), found["Performed"])


def _by_kind(counts: str) -> Mapping[str, int]:
    pairs = [part.split() for part in counts.split(",")]
    return {pair[1]: int(pair[0]) for pair in pairs if len(pair) == 2 and pair[0].isdecimal()}


def _last_compactions(lines: list[NumberedLine]) -> Iterator[LastCompaction]:
    # "(ProcessName,Source,DeltaAnonRssKBs,..)" and then rows of the same form, since Android 14
    names: list[str] = []
    for _, line in lines:
        row = line.strip()
        cells = [cell.strip() for cell in row[1:-1].split(",")]
        if row.startswith("(ProcessName,"):
            names = cells
        elif names and row.startswith("(") and len(cells) == len(names):
            yield LastCompaction(dict(zip(names, cells, strict=True)))
        elif names and row:
            return


def _frozen(lines: list[NumberedLine]) -> tuple[int | None, tuple[tuple[int, str], ...]]:
    count = None
    apps = []
    for _, line in lines:
        if match := _FROZEN.fullmatch(line):
            count = int(match[1])
        elif count is not None and (match := _FROZEN_APP.fullmatch(line)):
            apps.append((int(match["pid"]), match["name"]))
        elif count is not None:
            break
    return count, tuple(apps)


def _flag(printed: str | None) -> bool | None:
    return {"true": True, "false": False}.get(printed or "")


def _int(printed: str | None) -> int | None:
    return int(printed) if printed and re.fullmatch(r"-?\d{1,9}", printed) else None
