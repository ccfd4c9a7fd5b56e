"""What to do to whom."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.policy import Selection


@dataclass(frozen=True, slots=True)
class Request:
    """
    What to do to whom.

    Attributes:
        how: ``pageout`` or ``cold``.
        what: ``anon``, ``file`` or ``all``.
        budget_bytes: Stop when this much was advised, over all targets; None for no bound.
        max_bytes_per_s: Advise no faster than this; None for the helper's own pace.
        refault_times_s: When to measure what came back, ascending, after the page-out.
    """

    selection: Selection
    how: str = "pageout"
    what: str = "anon"
    budget_bytes: int | None = None
    max_bytes_per_s: int | None = None
    dry_run: bool = False
    refault_times_s: tuple[float, ...] = ()

    @property
    def needs_swap(self) -> bool:
        """Whether pages of anonymous memory are to go somewhere."""
        return self.how == "pageout" and self.what != "file"

    @property
    def evicts_files(self) -> bool:
        """Whether pages of files are to leave memory."""
        return self.how == "pageout" and self.what != "anon" and not self.dry_run
