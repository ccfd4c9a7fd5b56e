"""From the words of the command line, or of a caller, to a `Request`; every fault is found here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, TypeVar, Unpack

from droidreclaim.errors import UsageError
from droidreclaim.policy import Selection, bands_of, parse_adj_range, parse_targets
from droidreclaim.reclaim.request import (
    AM_COMPACT,
    BACKENDS,
    HOT,
    HOWS,
    KINDS,
    MADVISE,
    MEMCG,
    WHATS,
    Request,
)
from droidreclaim.units import parse_range, parse_rate, size_of, times_of

_T = TypeVar("_T", bound=str)


class Words(TypedDict, total=False):
    """What `request_of` takes besides targets, in the words of ``droidreclaim reclaim``."""

    band: str | Iterable[str]
    adj: str | tuple[int, int] | None
    what: str | None
    how: str
    backend: str | None
    only: str | Iterable[str]
    keep: str | None
    range: str | tuple[int, int] | None
    budget: int | str | None
    max_rate: int | str | None
    dry_run: bool
    refault: str | Iterable[float | str]
    force: bool
    allow_flash: bool


def request_of(*targets: str, **words: Unpack[Words]) -> Request:
    """
    The request that *targets* (package names, ``pid:N``) and *words* make, before any device.

    Raises:
        UsageError: a word cannot be read, nothing is selected, or words contradict each other.
    """
    packages, pids = parse_targets(targets)
    bands, adj = bands_of(words.get("band", ())), words.get("adj")
    if not (packages or pids or bands or adj is not None):
        raise UsageError("nothing to reclaim", hint="name a package, pid:N, --band or --adj")
    addresses, budget, rate = words.get("range"), words.get("budget"), words.get("max_rate")
    what, refault = words.get("what"), words.get("refault", ())
    only, only_hot = _only(words.get("only", ()), what)
    keep = words.get("keep")
    if keep is not None:
        _one_of("keep", keep, (HOT,))
    request = Request(
        selection=Selection(
            packages=packages,
            pids=pids,
            bands=bands,
            adj=_adj(adj) if adj is not None else None,
            force=words.get("force", False),
        ),
        how=_one_of("how", words.get("how", "pageout"), HOWS),
        backend=_backend(words.get("backend")),
        what=_one_of("what", what or "anon", WHATS),
        only=only,
        hot="only" if only_hot else "keep" if keep else None,
        addresses=_range(addresses) if addresses is not None else None,
        allow_flash=words.get("allow_flash", False),
        budget_bytes=_budget(budget) if budget is not None else None,
        max_bytes_per_s=_rate(rate) if rate is not None else None,
        dry_run=words.get("dry_run", False),
        refault_times_s=times_of(refault) if refault != () else (),
    )
    _require_sense(request)
    return request


def _one_of(name: str, word: str, known: tuple[_T, ...]) -> _T:
    for one in known:
        if one == word:
            return one
    raise UsageError(f"{name} {word!r}", hint=f"one of {', '.join(known)}")


def _backend(word: str | None) -> str | None:
    return None if word is None else _one_of("backend", word, BACKENDS)


def _adj(adj: str | tuple[int, int]) -> tuple[int, int]:
    return parse_adj_range(adj if isinstance(adj, str) else "..".join(map(str, adj)))


def _range(addresses: str | tuple[int, int]) -> tuple[int, int]:
    if isinstance(addresses, str):
        return parse_range(addresses)
    start, end = addresses
    if not 0 <= start < end < 1 << 64:
        raise UsageError(f"{addresses!r} is no range", hint="start and end, in bytes")
    return start, end


def _rate(rate: int | str) -> int:
    return parse_rate(rate if isinstance(rate, str) else str(size_of(rate)))


def _budget(budget: int | str) -> int:
    size_bytes = size_of(budget)
    if size_bytes == 0:
        raise UsageError("a budget of 0 leaves nothing to do", hint="a dry run touches nothing")
    return size_bytes


def _only(only: str | Iterable[str], what: str | None) -> tuple[tuple[str, ...], bool]:
    """The kinds of mappings, and whether what resumes need is meant of them."""
    if only == ():
        return (), False
    if what is not None:
        raise UsageError("--only and --what exclude each other")
    words = only.split(",") if isinstance(only, str) else tuple(only)
    kinds = tuple(_one_of("only", word, (*KINDS, HOT)) for word in words)
    return tuple(kind for kind in kinds if kind != HOT), HOT in kinds


def _require_sense(request: Request) -> None:
    """
    Raises:
        UsageError: options contradict each other.
    """
    compact, follows = request.backend == AM_COMPACT, bool(request.refault_times_s)
    if request.how == "prefetch" and (follows or request.what != "anon" or compact):
        raise UsageError(
            "'prefetch' reads anonymous memory from swap, and is no page-out to follow"
        )
    if request.hot and request.backend not in (None, MADVISE):
        raise UsageError("what resumes need is known to process_madvise alone", hint="no --backend")
    if request.hot == "keep" and request.how != "pageout":
        raise UsageError("--keep hot is for a page-out: nothing else takes it away")
    if request.hot == "only" and request.how != "prefetch":
        raise UsageError("--only hot is for --how prefetch", hint="a page-out has --keep hot")
    if request.backend == MEMCG and (request.only or request.addresses):
        raise UsageError("a memcg is reclaimed whole: neither --only nor --range")
    if not compact and request.how != "trim":
        return
    if request.how == "cold" or follows:
        raise UsageError("'am compact' and 'trim' know neither 'cold' nor --refault")
    if request.budget_bytes is not None or request.max_bytes_per_s is not None:
        raise UsageError("'am compact' and 'trim' know neither --budget nor --max-rate")
