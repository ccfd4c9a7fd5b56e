"""oom_score_adj from the labels and the scales that ActivityManager prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

# android.os ProcessList.makeOomAdjString: label and the adj it starts at (scale of Android 7+).
_LABELS = {
    "ntv": -1000, "sys": -900, "pers": -800, "core": -800, "psvc": -700, "fore": 0, "fg": 0,
    "vis": 100, "prcp": 200, "percep": 200, "prcm": 225, "prcl": 250, "bkup": 300, "hvy": 400,
    "svc": 500, "home": 600, "prev": 700, "svcb": 800, "cch": 900, "bak": 900,
}  # fmt: skip

# "cch+ 5", "cch+75", "vis  +1", "vis  + 1", "cch   CEM": the last in lines about a death.
_LABEL = re.compile(r"(?P<label>[a-z]{2,8})(?: *\+ *(?P<offset>\d{1,3})|(?: +[A-Z]{1,4})?)")

# Android 6 and before: max=16 in place of max=1001. The new value of each old level.
_OLD_LEVELS = {
    -17: -1000, -16: -900, -12: -800, -11: -700, 0: 0, 1: 100, 2: 200, 3: 300, 4: 400, 5: 500,
    6: 600, 7: 700, 8: 800, 16: 1001,
}  # fmt: skip
_OLD_FIRST_CACHED, _OLD_LAST_CACHED = 9, 15
_OLD_UNKNOWN = 16
_UNSET = -10000  # ProcessList.INVALID_ADJ: not computed yet


@dataclass(frozen=True, slots=True)
class LabelledAdj:
    """
    What a label says about an oom_score_adj.

    Attributes:
        adj: On the scale of Android 7 and later; None for a label no release of AOSP prints.
        exact: The label carried an offset (``cch+ 5`` is 905). A bare one names a band: vendors
            print ``prev`` for 701 and ``hvy`` for apps they shelter.
    """

    adj: int | None
    exact: bool


def adj_of_label(label: str) -> LabelledAdj:
    """Read an adj label in any spacing; one that is unknown is no error, vendors add their own."""
    match = _LABEL.fullmatch(label.strip())
    if match is None or match["label"] not in _LABELS:
        return LabelledAdj(None, exact=False)
    base = _LABELS[match["label"]]
    if match["offset"] is None:
        return LabelledAdj(base, exact=False)
    return LabelledAdj(base + int(match["offset"]), exact=True)


def is_old_scale(max_adj: int | None) -> bool:
    """
    Whether a record's adj is on the scale of Android 6 and before (-17..16).

    Told by the largest adj the process may have, not by a version: an app's is 16 or 1001, a
    persistent process's is -12 or -800, and old numbers never leave -17..16.
    """
    return max_adj is not None and -17 <= max_adj <= _OLD_UNKNOWN and max_adj != 0


def modern_adj(old_adj: int) -> int:
    """An adj of the scale -17..16 on the scale of Android 7 and later; cached 9..15 is 900..906."""
    if _OLD_FIRST_CACHED <= old_adj <= _OLD_LAST_CACHED:
        return 900 + old_adj - _OLD_FIRST_CACHED
    return _OLD_LEVELS.get(old_adj, old_adj)


def known_adj(printed: int, max_adj: int | None) -> int | None:
    """An adj on the scale of Android 7 and later, whichever it was printed on; None if not set."""
    if printed == _UNSET:
        return None
    return modern_adj(printed) if is_old_scale(max_adj) else printed
