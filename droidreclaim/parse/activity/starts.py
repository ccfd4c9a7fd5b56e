"""``dumpsys activity start-info``: how processes were started, and resumed, since Android 15."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

START_INFO = "dumpsys activity start-info"

_RECORD = re.compile(r" *ApplicationStartInfo #\d{1,6}:")
_KEY = re.compile(r"(?:^| )([A-Za-z]\w{0,30})=")
_TIMESTAMP = re.compile(r"(\d{1,3})=(\d{1,19})(?= |$)")
_NUMBER = re.compile(r"-?\d{1,10}")
_LONGEST_RECORD = 20_000  # characters; an intent is free text from an app


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """
    One start or resume (``ApplicationStartInfo``).

    Attributes:
        pid: None where the record has none: that of a cold start is filed before the fork.
        reason: As printed: ``LAUNCHER``, ``START ACTIVITY``, ``BROADCAST``, ``JOB``.
        start_type: ``COLD``, ``WARM``, ``HOT`` or ``UNSET``; a relaunch has no word of its own.
        startup_state: 0 started, 1 error, 2 first frame drawn.
        timestamps_ns: By the number of the moment (0 launch, 1 fork, 2 onCreate, 3 bound, 4 first
            frame, 5 fully drawn), on the clock of the kernel.
    """

    pid: int | None
    uid: int
    package: str
    process: str
    reason: str
    start_type: str
    startup_state: int | None
    was_force_stopped: bool | None
    timestamps_ns: Mapping[int, int]


def parse_start_info(text: str) -> tuple[ProcessStart, ...]:
    """
    Read ``dumpsys activity start-info``, in its order: of each package the newest first.

        ACTIVITY MANAGER LRU PROCESSES (dumpsys activity start-info)
          package: com.example.game
            Historical Process Start for userId=10123
                ApplicationStartInfo #0:
         pid=0 realUid=10123 packageUid=10123 definingUid=-1 user=0
         package=com.example.game process=com.example.game startupState=2 reason=LAUNCHER
           startType=COLD launchMode=0 wasForceStopped=false   (this on the line above)
         timestamps: 0=5000000000 4=6200000000

    Raises:
        ParseError: a record lacks what it must have, or there is none.
    """
    starts = tuple(_read(block) for block in _blocks(answer_lines(START_INFO, text)))
    if not starts:
        raise no_rows(START_INFO, text, "record of a start")
    return starts


def _blocks(lines: list[NumberedLine]) -> Iterator[list[NumberedLine]]:
    block: list[NumberedLine] = []
    for number, line in lines:
        row = line.strip()
        ends = row.startswith(("package: ", "Historical Process Start ", "ACTIVITY MANAGER "))
        if block and (ends or _RECORD.fullmatch(line)):
            yield block
            block = []
        if _RECORD.fullmatch(line) or (block and row):
            block.append((number, row))
    if block:
        yield block


def _read(block: list[NumberedLine]) -> ProcessStart:
    rows = [row for _, row in block[1:]]
    text = " ".join(row for row in rows if not row.startswith(("intent=", "timestamps: ")))
    times = " ".join(row for row in rows if row.startswith("timestamps: "))
    fields = _fields(text[:_LONGEST_RECORD])
    try:
        return _to_start(fields, times[:_LONGEST_RECORD])
    except (KeyError, ValueError) as error:
        number, line = block[1] if len(block) > 1 else block[0]
        raise ParseError(START_INFO, number, line, hint=f"no usable {error}"[:100]) from error


def _fields(told: str) -> dict[str, str]:
    """Read the fields of a line, whose values may hold blanks: "reason=START ACTIVITY"."""
    keys = list(_KEY.finditer(told))
    ends = [*(key.start() for key in keys[1:]), len(told)]
    return {key[1]: told[key.end() : end].strip() for key, end in zip(keys, ends, strict=False)}


def _to_start(fields: dict[str, str], times: str) -> ProcessStart:
    stopped = {"true": True, "false": False}.get(fields.get("wasForceStopped", ""))
    return ProcessStart(
        pid=_int(fields["pid"]) or None,
        uid=_int(fields["realUid"]),
        package=fields["package"],
        process=fields["process"],
        reason=fields["reason"],
        start_type=fields["startType"],
        startup_state=_int(fields["startupState"]) if "startupState" in fields else None,
        was_force_stopped=stopped,
        timestamps_ns={int(key): int(value) for key, value in _TIMESTAMP.findall(times)},
    )


def _int(printed: str) -> int:
    if _NUMBER.fullmatch(printed) is None:
        raise ValueError("number")
    return int(printed)
