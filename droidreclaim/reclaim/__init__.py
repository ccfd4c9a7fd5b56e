"""The verb: page out what a selection means, and say what that really did."""

from droidreclaim.reclaim.engine import Finished, result, run
from droidreclaim.reclaim.judge import explain_nothing, judge, totals
from droidreclaim.reclaim.request import MEMCG, Request
from droidreclaim.reclaim.unrooted import COMPACT, TRIM, run_unrooted
from droidreclaim.reclaim.words import request_of

__all__ = [
    "COMPACT",
    "MEMCG",
    "TRIM",
    "Finished",
    "Request",
    "explain_nothing",
    "judge",
    "request_of",
    "result",
    "run",
    "run_unrooted",
    "totals",
]
