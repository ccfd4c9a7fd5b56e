"""What the view says about its keys and about kills. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.top.draw import Palette, short, words

KEYS = (
    ("r", "reclaim"), ("f", "prefetch"), ("e", "explain"), ("k", "kills"), ("g", "guard"),
    ("s", "sort"), ("/", "filter"), ("space", "open"), ("?", "keys"), ("q", "quit"),
    ("z", "freeze"),
)  # fmt: skip
HELP = (
    "↑ ↓ PgUp PgDn   choose an app",
    "space → Enter   its processes, and what they hold by kind; ← closes",
    "r               page it out: counts first, Enter does it",
    "f               prefetch: bring it back from swap; counts first, Enter does it",
    "e               explain: every reason about it in a sentence",
    "p               its PSS, by dumpsys, which stalls it for a moment",
    "k               the kills that the device remembers",
    "g               start the guard with a profile, or stop it; Enter does it",
    "s  S            the next order, the one before",
    "/               only names with these words in them",
    "z               freeze the view; z again goes on",
    "t               night, day, the terminal's own colours",
    "q               quit; Ctrl-Z puts it aside",
    "",
    "▸ the next kill takes it first     ✗ it was killed, a minute ago at most",
)
_MOST = 200


def kill_lines(kills: Iterable[KillRecord], colours: Palette) -> list[Text]:
    """A line for each kill, as they come."""
    lines = []
    for kill in list(kills)[:_MOST]:
        at = (kill.at or "?").removesuffix("Z").replace("T", " ")
        line = words(f"{at[-18:]:<18}  ", colours.dim)
        line.append_text(words(f"{kill.by.value:<16}", colours.bad))
        line.append_text(words(f"{kill.name or kill.pid}", f"bold {colours.text}"))
        adj = "" if kill.oom_score_adj is None else f" adj {kill.oom_score_adj}"
        freed = "" if kill.freed_bytes is None else f", freed {short(kill.freed_bytes)}"
        line.append_text(words(f"{adj}{freed}  {kill.reason}", colours.dim))
        line.no_wrap = False
        lines.append(line)
    return lines or [words("none that the device remembers", colours.dim)]
