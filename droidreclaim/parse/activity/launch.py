"""``am start -W``: how an app came to the front, and how long it took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

START = "am start -W"

_FIELD = re.compile(
    r"(?P<key>Status|LaunchState|Activity|ThisTime|TotalTime|WaitTime|Warning): ?"
    r"(?P<value>.{0,500})"
)
_STATUS = re.compile(r"[a-z]\w{0,30}")
_COMPONENT = re.compile(r"[^\s/]{1,255}/[^\s/]{1,255}")
_MS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Launch:
    """
    The answer to one start.

    Attributes:
        status: ``ok``, ``timeout``, or ``null`` when the wait was cut short.
        launch_state: ``COLD`` (new process), ``WARM`` (new activity), ``HOT`` (was alive) or
            ``UNKNOWN (0)``; None before Android 10, which does not say.
        activity: Component that came to the front: not always the one asked for.
        total_time_s: From the intent to the first frame; None where not printed, as in HOT.
        wait_time_s: What ``am`` itself waited.
        warning: As printed (``Activity not started, ...`` when its task was only brought up).
        complete: The closing word was there: the text was not cut.
    """

    status: str
    launch_state: str | None
    activity: str | None
    total_time_s: float | None
    wait_time_s: float | None
    warning: str | None
    complete: bool


def parse_launches(text: str) -> tuple[Launch, ...]:
    """
    Read one or several answers of ``am start -W`` (``-R`` repeats), in their order.

    Raises:
        ParseError: the start failed (the hint says why), or an answer cannot be read.
    """
    lines = answer_lines(START, text)
    launches = tuple(_read_launch(block) for block in _blocks(lines))
    if not launches:
        raise no_rows(START, text, "status of a start")
    return launches


def parse_launch(text: str) -> Launch:
    """
    Read the only answer in *text*.

    Raises:
        ParseError: as parse_launches, or there are several.
    """
    launches = parse_launches(text)
    if len(launches) > 1:
        raise ParseError(
            START, 1, text[:80], hint=f"{len(launches)} answers where one was expected"
        )
    return launches[0]


def _blocks(lines: list[NumberedLine]) -> Iterator[list[NumberedLine]]:
    block: list[NumberedLine] = []
    for numbered in lines:
        if numbered[1].startswith(("Starting: ", "Stopping: ")):
            if _has_status(block):
                yield block
            block = []
        block.append(numbered)
    if _has_status(block):
        yield block


def _has_status(block: list[NumberedLine]) -> bool:
    return any(line.startswith("Status: ") for _, line in block)


def _read_launch(block: list[NumberedLine]) -> Launch:
    fields: dict[str, str] = {}
    for number, line in block:
        match = _FIELD.fullmatch(line)
        if match is None:
            continue
        if not _plausible(match["key"], match["value"]):
            raise ParseError(START, number, line)
        fields[match["key"]] = match["value"]
    if "Status" not in fields:  # its line holds bytes that no release prints
        raise ParseError(START, *block[0])
    return Launch(
        status=fields["Status"],
        launch_state=fields.get("LaunchState"),
        activity=None if fields.get("Activity") == "null" else fields.get("Activity"),
        total_time_s=_seconds(fields.get("TotalTime")),
        wait_time_s=_seconds(fields.get("WaitTime")),
        warning=fields.get("Warning"),
        complete=any(line == "Complete" for _, line in block),
    )


def _plausible(key: str, value: str) -> bool:
    if key.endswith("Time"):
        return _MS.fullmatch(value) is not None
    if key == "Status":
        return _STATUS.fullmatch(value) is not None
    return key != "Activity" or value == "null" or _COMPONENT.fullmatch(value) is not None


def _seconds(printed_ms: str | None) -> float | None:
    return None if printed_ms is None else int(printed_ms) / 1000
