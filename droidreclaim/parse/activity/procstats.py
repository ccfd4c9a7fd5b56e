"""``dumpsys procstats``: the memory of processes over hours, as the framework sampled it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.parse.text.answer import answer_lines, no_rows, size_bytes
from droidreclaim.parse.text.uids import uid_of

PROCSTATS = "dumpsys procstats"

_OWNER = re.compile(
    r" *\* (?P<prc>Prc )?(?P<name>\S{1,300}) / (?P<uid>\S{1,20}) / v(?P<version>\d{1,15}):"
)
_PROCESS = re.compile(r" *(?:Process|Prc) (?P<name>\S{1,300}) \(.{0,100}\):")
_SIZE = r"(\d{1,9}(?:[.,]\d{1,3})?(?:[KMGT]?B)?)"
_SAMPLES = re.compile(
    rf"{_SIZE}-{_SIZE}-{_SIZE}/{_SIZE}-{_SIZE}-{_SIZE}"
    rf"(?:/{_SIZE}-{_SIZE}-{_SIZE})? over (\d{{1,9}})"
)


@dataclass(frozen=True, slots=True)
class SampledProcess:
    """
    One process over the time covered; sizes are rounded by the device.

    Attributes:
        package: The package it is listed under.
        rss_bytes: Average; None before Android 9.
        samples: How many times it was measured.
    """

    process: str
    package: str | None
    uid: int | None
    pss_bytes: int
    pss_max_bytes: int
    uss_bytes: int
    rss_bytes: int | None
    samples: int


def parse_procstats(text: str) -> tuple[SampledProcess, ...]:
    """
    Read the processes that were measured, in the dump's order; averages over its whole time.

    Raises:
        ParseError: no process has a measurement.
    """
    sampled: dict[tuple[str, str | None, int | None], SampledProcess] = {}
    package: str | None = None
    process: str | None = None
    uid: int | None = None
    for _, line in answer_lines(PROCSTATS, text):
        if match := _OWNER.fullmatch(line):
            uid = uid_of(match["uid"])
            process = match["name"] if match["prc"] else None
            package = package if match["prc"] else match["name"]
        elif match := _PROCESS.fullmatch(line):
            process = match["name"]
        elif process and line.lstrip().startswith(("TOTAL:", "Cur time ")):
            one = _read_sample(line, process, package, uid)
            if one is not None:
                sampled.setdefault((process, package, uid), one)
    if not sampled:
        raise no_rows(PROCSTATS, text, "measured process")
    return tuple(sampled.values())


def _read_sample(
    line: str, process: str, package: str | None, uid: int | None
) -> SampledProcess | None:
    match = _SAMPLES.search(line[:500])
    if match is None:
        return None
    sizes = [size_bytes(group) if group else None for group in match.groups()[:9]]
    if None in sizes[:6]:
        return None
    return SampledProcess(
        process=process,
        package=package,
        uid=uid,
        pss_bytes=sizes[1] or 0,
        pss_max_bytes=sizes[2] or 0,
        uss_bytes=sizes[4] or 0,
        rss_bytes=sizes[7],
        samples=int(match[10]),
    )
