"""The verb: page out what a selection means, and say what that really did."""

from droidreclaim.reclaim.engine import MEMCG, Finished, result, run
from droidreclaim.reclaim.judge import explain_nothing, judge, totals
from droidreclaim.reclaim.request import Request
from droidreclaim.reclaim.unrooted import COMPACT, TRIM, run_unrooted

__all__ = [
    "COMPACT",
    "MEMCG",
    "TRIM",
    "Finished",
    "Request",
    "explain_nothing",
    "judge",
    "result",
    "run",
    "run_unrooted",
    "totals",
]
