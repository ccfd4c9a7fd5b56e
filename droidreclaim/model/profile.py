"""A profile of the guard: when it acts, on whom, and how. Field names are those of its protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class When:
    """
    What makes the guard act; 0, False and None for what does not.

    Attributes:
        available_bytes: It acts while less than this is available.
        next_launch: It acts while less is available than the next launch is likely to need.
        headroom_bytes: It acts while free memory is less than this above lmkd's low watermark.
        leaving: It acts on each app that leaves the foreground, needed or not.
        pressure_some_us: Stalls of some task in each *pressure_window_us* that raise the alarm.
        pressure_full_us: The same for stalls of all tasks.
        trim_below_permille: Free swap, of all swap, below which apps are asked for caches.
        keep_swap_free_permille: Free swap, of all swap, that is never used up.
        per_minute_bytes: Most that is advised in a minute, over all apps; None for no bound.
        look_every_ms: How often it looks who is where while nothing happens.
    """

    available_bytes: int
    next_launch: bool
    headroom_bytes: int
    leaving: bool
    pressure_some_us: int
    pressure_full_us: int
    pressure_window_us: int
    trim_below_permille: int
    keep_swap_free_permille: int
    per_minute_bytes: int | None
    look_every_ms: int


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What holds for the processes that *match*; the first rule that does decides.

    Attributes:
        match: A glob (``*``, ``?``) over package names and the process name up to its ``:``.
        adj_low: Lowest oom_score_adj touched; *adj_high* the highest.
        at_least_bytes: Resident anonymous memory under which a process is not worth it.
        background_ms: How long it must have been out of the foreground.
        rung: ``pageout``, ``cold``, ``trim`` or ``leave``.
        what: ``anon``, ``file`` or ``all``; None where *only* chooses.
        only: Kinds of mappings; empty where *what* chooses.
        budget_bytes: Most that is advised of one process at a time; None for no bound.
        rate_bytes_per_s: Pace; None for the guard's own.
        cooldown_ms: Least time between two actions on one process.
        last: Touched after all others: a favourite.
        keep: ``hot``: what resumes need goes after the rest of all apps; None: it goes with it.
        bring_back: What a resume needs is read from swap as the app comes to the foreground.
    """

    match: str
    adj_low: int
    adj_high: int
    at_least_bytes: int
    background_ms: int
    rung: str
    what: str | None
    only: tuple[str, ...]
    budget_bytes: int | None
    rate_bytes_per_s: int | None
    cooldown_ms: int
    last: bool
    keep: str | None = None
    bring_back: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """
    A whole profile.

    Attributes:
        for_s: How long a guard runs with it, unless told otherwise.
        rules: In order; the last one matches everything.
    """

    name: str
    for_s: int
    when: When
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """
    One thing that is wrong with the text of a profile.

    Attributes:
        line: 1-based, as *column*.
        path: Of keys, ``packages[0].how.rate``; empty for the file as a whole.
    """

    line: int
    column: int
    path: str
    message: str
