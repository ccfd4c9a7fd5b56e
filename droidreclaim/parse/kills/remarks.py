"""What a log says about memory besides kills: zram that took no page, apps that were frozen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from droidreclaim.parse.text.answer import NumberedLine

_LONGEST = 2000
_KINDS = (
    (
        "zram_no_memory",
        "zram found no memory for a page",  # zram_drv.c: "..., size=4096"
        re.compile(r"\bError allocating memory for (?:in)?compress(?:ed|ible) page\b"),
    ),
    (
        "swap_write_error",
        "a page could not be written to swap",  # mm/page_io.c: "Write-error on swap-device (M:N:S)"
        re.compile(r"\bWrite-error on (?:swap-device|dio swapfile)\b"),
    ),
    (
        "swap_read_error",
        "a page could not be read back from swap",  # the same file: its process gets SIGBUS
        re.compile(r"\bRead-error on swap-device\b"),
    ),
    (
        "frozen",
        "an app was frozen",
        re.compile(r"\b[Ff](?:reezing|roze) [0-9]{1,10}\b|\bam_freeze *(?:\([ 0-9]{1,10}\))?:"),
    ),
    (
        "frozen_transaction",
        "a frozen app was called",  # CachedAppOptimizer: "... sync transactions while frozen"
        re.compile(r"\bsync transactions? while frozen\b", re.I),
    ),
)
# Told before the patterns are tried: most lines of a log have none of these.
_WORDS = re.compile(r"rror|[Ff]r(?:eezing|oze|eeze)")


@dataclass(frozen=True, slots=True)
class Remark:
    """
    One kind of such lines.

    Attributes:
        what: ``zram_no_memory``, ``swap_write_error``, ``swap_read_error``, ``frozen``,
            ``frozen_transaction``.
        words: The same for people.
    """

    what: str
    words: str
    count: int


def read_remarks(lines: Iterable[NumberedLine]) -> tuple[Remark, ...]:
    """Count the lines of each kind; a kind without a line is left out."""
    counts = dict.fromkeys((what for what, _, _ in _KINDS), 0)
    for _, line in lines:
        if _WORDS.search(line, 0, _LONGEST) is None:
            continue
        for what, _, pattern in _KINDS:
            counts[what] += pattern.search(line, 0, _LONGEST) is not None
    return tuple(Remark(what, words, counts[what]) for what, words, _ in _KINDS if counts[what])
