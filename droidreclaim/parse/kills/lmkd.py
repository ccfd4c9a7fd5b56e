"""What lmkd writes when it kills (tag ``lowmemorykiller``; ``lmkd`` on Samsung), in any release."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.units import KIB

# Samsung's "Reclaim" is a kill: "has died" follows within 20 ms (flutter/flutter issue 161070).
_HEAD = re.compile(
    r"(?P<verb>Kill|Killing|Reclaim) '(?P<name>.{0,512}?)' \((?P<pid>[0-9]{1,10})\),"
    r" uid (?P<uid>[0-9]{1,10}), (?:oom_score_adj|oom_adj|adj) (?P<adj>-?[0-9]{1,6})"
    r"(?:, [A-Za-z_]{1,32}(?:\([^()]{0,24}\))? -?[0-9]{1,10}){0,8}(?P<rest>.*)",
    re.DOTALL,
)
_FREED = re.compile(r"\s*to free (?P<sizes>.{1,200}?)(?:; reason: |\sbecause |$)", re.DOTALL)
# "83468kB", "66240kB rss, 15740kB swap", "66220kb uss, 81946kb pss, and 15740kB swap" (Meta)
_SIZE = re.compile(r"(?:and )?(?P<kib>-?[0-9]{1,15})k[bB](?: (?P<what>[a-z_ ]{1,32}))?")
_RESIDENT = ("rss", "uss", "pss")  # the first that a line has is what it says of memory
_REASON = re.compile(r"(?:; reason: |\sbecause )(?P<reason>.{1,1000})", re.DOTALL)
_WATCHDOG = re.compile(
    r"lmkd watchdog killed process (?P<pid>[0-9]{1,10})(?:, oom_score_adj (?P<adj>-?[0-9]{1,6}))?"
)
# "Reclaimed 82032kB, cache(8164kB) and free(15088kB)-reserved(8064kB) below min(73728kB) for
# oom_score_adj 0": lmkd with minfree levels, after the Kill line, which has no reason then.
_LEVEL = re.compile(
    r"Reclaimed -?[0-9]{1,15}kB, (?P<why>cache\(-?[0-9]{1,15}kB\) and free\(-?[0-9]{1,15}kB\)"
    r"-reserved\(-?[0-9]{1,15}kB\) below min\([0-9]{1,15}kB\) for oom_score_adj -?[0-9]{1,6})"
)
_LONGEST = 4068  # what the log keeps of one message (LOGGER_ENTRY_MAX_PAYLOAD)
_OPENINGS = ("Kill '", "Killing '", "Reclaim '", "lmkd watchdog killed process")


@dataclass(frozen=True, slots=True)
class LmkdLine:
    """
    One kill.

    Attributes:
        name: First word of the victim's command line, ``:remote`` included; None when the
            watchdog killed.
        freed_bytes: Resident memory of the victim (its USS where a vendor prints that instead of
            RSS); None where it was cut or not said.
        swap_bytes: Its swap, from Android 12.
        reason: From Android 11, and in Android 9's second line; else None.
    """

    pid: int
    name: str | None
    uid: int | None
    oom_score_adj: int | None
    freed_bytes: int | None
    swap_bytes: int | None
    reason: str | None


def opens_lmkd_kill(message: str) -> bool:
    """Whether a message starts as a kill of lmkd, readable or not."""
    return message.startswith(_OPENINGS)


def read_lmkd_line(message: str) -> LmkdLine | None:
    """
    Read one message of lmkd; None when it is no kill or cannot be read.

    A wrapped message may hold line ends. Android 9's second line (``to free ...``) may be
    appended after one.
    """
    watchdog = _WATCHDOG.match(message)
    if watchdog is not None:
        adj = int(watchdog["adj"]) if watchdog["adj"] else None
        return LmkdLine(int(watchdog["pid"]), None, None, adj, None, None, "lmkd watchdog")
    head = _HEAD.fullmatch(message) if len(message) <= _LONGEST else None
    if head is None:
        return None
    rest = head["rest"]
    freed = _FREED.match(rest)
    sizes = _sizes(freed["sizes"]) if freed else {}
    reason = _REASON.search(rest)
    if rest.strip() and freed is None and reason is None:
        return None
    return LmkdLine(
        pid=int(head["pid"]),
        name=head["name"],
        uid=int(head["uid"]),
        oom_score_adj=int(head["adj"]),
        freed_bytes=next((sizes[word] for word in _RESIDENT if word in sizes), None),
        swap_bytes=sizes.get("swap"),
        reason=" ".join(reason["reason"].split()) if reason else None,
    )


def read_level(message: str) -> str | None:
    """Which of its minfree levels an lmkd killed by, in its words; None of another message."""
    found = _LEVEL.fullmatch(message.strip()) if len(message) <= _LONGEST else None
    return found["why"] if found else None


def continues_lmkd_kill(message: str) -> bool:
    """Whether a message is the second half of Android 9's kill."""
    return message.lstrip().startswith("to free ")


def _sizes(text: str) -> dict[str, int]:
    """Sizes by what they measure; before Android 12 one size without a word, which is RSS."""
    found = (_SIZE.fullmatch(part.strip()) for part in text.replace("\n", " ").split(","))
    return {size["what"] or "rss": int(size["kib"]) * KIB for size in found if size is not None}
