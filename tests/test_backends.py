"""Which interface of the kernel does the work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from droidreclaim.errors import NotPossible
from droidreclaim.helper.wire import Backend
from droidreclaim.policy import Selection
from droidreclaim.reclaim.engine import best_backend
from droidreclaim.reclaim.request import Request

_ASKED = Request(Selection())


def probed(**works: bool) -> dict[str, Backend]:
    return {
        name: Backend(name=name, works=it, errno=None if it else "ENOSYS", why=None)
        for name, it in works.items()
    }


def test_the_better_one_that_works_is_taken() -> None:
    assert (
        best_backend(probed(process_madvise=True, proc_reclaim=True), _ASKED) == "process_madvise"
    )
    assert best_backend(probed(process_madvise=False, proc_reclaim=True), _ASKED) == "proc_reclaim"


def test_the_one_asked_for_is_taken_or_none() -> None:
    both = probed(process_madvise=True, proc_reclaim=True)
    assert best_backend(both, replace(_ASKED, backend="proc_reclaim")) == "proc_reclaim"
    one = probed(process_madvise=True, proc_reclaim=False)
    with pytest.raises(NotPossible, match="proc_reclaim: ENOSYS"):
        best_backend(one, replace(_ASKED, backend="proc_reclaim"))


def test_only_madvise_knows_cold() -> None:
    with pytest.raises(NotPossible):
        best_backend(probed(process_madvise=False, proc_reclaim=True), replace(_ASKED, how="cold"))


def test_prefetch_needs_the_advice_of_5_15() -> None:
    asked = replace(_ASKED, how="prefetch")
    assert best_backend(probed(process_madvise=True, willneed=True), asked) == "process_madvise"
    with pytest.raises(NotPossible, match="willneed: ENOSYS"):
        best_backend(probed(process_madvise=True, willneed=False), asked)


def test_a_memcg_is_taken_only_when_asked_for() -> None:
    none = probed(process_madvise=False, proc_reclaim=False, memory_reclaim=True)
    with pytest.raises(NotPossible):
        best_backend(none, _ASKED)
    assert best_backend(none, replace(_ASKED, backend="memcg")) == "memcg"
