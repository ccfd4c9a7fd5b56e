"""What to do to whom."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.policy import Selection

HOWS = ("trim", "cold", "pageout", "prefetch")
WHATS = ("anon", "file", "all")
KINDS = ("dalvik", "native", "stack", "code")
HOT = "hot"  # what resumes need: a choice of its own among the words of --only and --keep
MADVISE, PROC_RECLAIM, MEMCG = "process_madvise", "proc_reclaim", "memcg"
AM_COMPACT = "am_compact"
BACKENDS = (MADVISE, PROC_RECLAIM, MEMCG, AM_COMPACT)

KEEP_SWAP_FREE = 0.20  # AOSP's own compaction stops here; lmkd calls swap low at 0.10


@dataclass(frozen=True, slots=True)
class Request:
    """
    What to do to whom.

    Attributes:
        how: ``pageout``, ``cold``, ``prefetch`` or ``trim``.
        backend: ``process_madvise``, ``proc_reclaim``, or those that are never taken unless they
            are asked for, ``memcg`` and ``am_compact``; None for the better that works.
        what: ``anon``, ``file`` or ``all``.
        only: Kinds of mappings (``dalvik``, ``native``, ``stack``, ``code``) instead of *what*.
        hot: Of that what resumes need: ``keep`` (leave it in memory), ``only`` (of a prefetch);
            None for all.
        addresses: Start and end of the only range meant, of a single process.
        allow_flash: Page out also to swap that wears the storage.
        budget_bytes: Stop when this much was advised, over all targets; None for no bound.
        max_bytes_per_s: Advise no faster than this; None for the helper's own pace.
        keep_swap_free: Stop when less than this share of swap would be left; lmkd calls less than a
            tenth low.
        refault_times_s: When to measure what came back, ascending, after the page-out.
    """

    selection: Selection
    how: str = "pageout"
    backend: str | None = None
    what: str = "anon"
    only: tuple[str, ...] = ()
    hot: str | None = None
    addresses: tuple[int, int] | None = None
    allow_flash: bool = False
    budget_bytes: int | None = None
    max_bytes_per_s: int | None = None
    keep_swap_free: float = KEEP_SWAP_FREE
    dry_run: bool = False
    refault_times_s: tuple[float, ...] = ()

    @property
    def needs_root(self) -> bool:
        """Whether the helper is needed; Android's own commands need no root."""
        return self.how != "trim" and self.backend != AM_COMPACT

    @property
    def touches_anon(self) -> bool:
        """Whether anonymous memory is meant."""
        return any(kind != "code" for kind in self.only) if self.only else self.what != "file"

    @property
    def touches_files(self) -> bool:
        """Whether pages of files are meant."""
        return "code" in self.only if self.only else self.what != "anon"

    @property
    def needs_swap(self) -> bool:
        """Whether pages of anonymous memory are to go somewhere."""
        return self.how == "pageout" and self.touches_anon

    @property
    def evicts_files(self) -> bool:
        """Whether pages of files are to leave memory."""
        return self.how == "pageout" and self.touches_files and not self.dry_run
