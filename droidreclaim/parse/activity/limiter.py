"""``am memory-limiter status``: the limits that Android 17 gives each app's own memory cgroup."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.parse.text.answer import answer_lines, no_rows, size_bytes

LIMITER = "am memory-limiter status"

_PAIR = re.compile(r"(?P<key>[a-zA-Z][\w-]{0,40})=(?P<value>\S{1,100})")
_STATE = re.compile(r"\b(?:enabled|disabled)\b")


@dataclass(frozen=True, slots=True)
class MemoryLimiter:
    """
    The limiter of Android 17; None where this build does not print it.

    Attributes:
        visible_bytes, visible_swap_bytes: memory.high and memory.swap.max of an app in front.
        hidden_bytes, hidden_swap_bytes: Of one behind; a cached app has no limit of swap.
        events: How often an app went over its limit.
        ignored: The uid that it leaves alone, as printed; None for none.
    """

    enabled: bool | None
    visible_bytes: int | None
    visible_swap_bytes: int | None
    hidden_bytes: int | None
    hidden_swap_bytes: int | None
    events: int | None
    ignored: str | None


def parse_memory_limiter(text: str) -> MemoryLimiter:
    """
    Read ``am memory-limiter status``.

        Memory limiter
          enabled             monitoring=true      ignored=none
          visibleMem=1800MB   visibleSwap=900MB    notVisibleMem=900MB   notVisibleSwap=450MB
          started=30          watched=30           events=0

    Raises:
        ParseError: it is another text: before Android 17 there is no such command.
    """
    lines = [line for _, line in answer_lines(LIMITER, text)]
    if not any(line.strip().lower() == "memory limiter" for line in lines):
        raise no_rows(LIMITER, text, "title of the memory limiter")
    values = {pair["key"]: pair["value"] for line in lines for pair in _PAIR.finditer(line)}
    state = next(filter(None, (_STATE.search(line) for line in lines)), None)
    ignored, events = values.get("ignored"), values.get("events", "")
    return MemoryLimiter(
        enabled=state[0] == "enabled" if state else None,
        visible_bytes=size_bytes(values.get("visibleMem", "")),
        visible_swap_bytes=size_bytes(values.get("visibleSwap", "")),
        hidden_bytes=size_bytes(values.get("notVisibleMem", "")),
        hidden_swap_bytes=size_bytes(values.get("notVisibleSwap", "")),
        events=int(events) if re.fullmatch(r"[0-9]{1,12}", events) else None,
        ignored=None if ignored == "none" else ignored,
    )
