"""The doctor's judgement on what Android and the kernel do with memory by themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from droidreclaim.errors import ParseError
from droidreclaim.model.check import Check, CheckState
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.parse.proc.swap import parse_zram_bd_stat
from droidreclaim.units import format_size

OK, WARN = CheckState.OK, CheckState.WARN

MMD = ("mmd.", "persist.mmd.")  # properties of Android 16's memory management daemon

_MOST_PROPERTIES = 8


def zram(text: str) -> Iterator[Check]:
    """Judge zram, from what ``grep -H`` prints: path, colon, content."""
    for line in text.splitlines():
        path, _, value = line.partition(":")
        device, _, name = path.removeprefix("/sys/block/").partition("/")
        if name == "comp_algorithm":
            chosen = value.partition("[")[2].partition("]")[0] or value
            yield Check("zram algorithm", OK, f"{device}: {chosen} of {value}".strip())
        elif name == "recomp_algorithm" and value:
            yield Check("zram recompression", OK, f"{device}: {value}")
        elif name == "bd_stat" and (counted := _written_back(value)):
            todo = "an app resumed from there waits for flash: no resume from zram to compare with"
            yield Check("zram in flash", WARN, f"{device}: {counted}", todo)
        elif name == "backing_dev" and value not in ("", "none"):
            todo = "the system may write swapped pages to flash: count that as its own"
            yield Check("zram writeback", WARN, f"{device}: to {value}", todo)


def _written_back(value: str) -> str | None:
    """What bd_stat tells; None where nothing was ever written back."""
    try:
        seen = parse_zram_bd_stat(value)
    except ParseError:
        return None
    if not seen.written_bytes and not seen.held_bytes:
        return None
    now, back, written = map(format_size, (seen.held_bytes, seen.read_bytes, seen.written_bytes))
    return f"{now} of swap lies there, {written} written and {back} read back since boot"


def mmd(properties: Mapping[str, str]) -> Iterator[Check]:
    """Judge Android 16's memory management daemon (mmd); a device without it has no line."""
    parts = [
        f"{key}={value}" for key, value in sorted(properties.items())
        if key.startswith(MMD)
    ]  # fmt: skip
    if not parts:
        return
    writes = any("writeback" in one and one.endswith(("=true", "=1")) for one in parts)
    todo = "it writes cached apps to flash by itself: count that, and slow resumes, as its own"
    shown = ", ".join(parts[:_MOST_PROPERTIES])
    more = f" and {len(parts) - _MOST_PROPERTIES} more" if len(parts) > _MOST_PROPERTIES else ""
    yield Check("mmd", WARN if writes else OK, shown + more, todo if writes else None)


def limiter(text: str) -> Iterator[Check]:
    """Judge Android 17's memory limiter; a device without its command has no line."""
    try:
        found = parse_memory_limiter(text)
    except ParseError:
        return
    known = {True: "on", False: "off", None: "not known to be on"}[found.enabled]
    behind = f"{format_size(found.hidden_bytes)} of memory and " if found.hidden_bytes else ""
    room = f"; an app behind has {behind}{format_size(found.hidden_swap_bytes)} of swap"
    todo = "'headroom PACKAGE' shows an app's own limits; at that of swap a page-out moves nothing"
    words = known + (room if found.hidden_swap_bytes is not None else "")
    yield Check("memory limiter", OK, words, todo if found.enabled else None)


def mglru(enabled: str | None) -> str:
    """Whether the kernel sorts pages by generations, from its mask: "0x0007"; 0 is the old way."""
    try:
        on = int(enabled or "", 16) & 1
    except ValueError:
        return ""
    return "on, " if on else "off, "
