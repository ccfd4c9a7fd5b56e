"""The events of a storm, as they are written down and read again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import msgspec

from droidreclaim.lab.storm.host import Host


@dataclass(frozen=True, slots=True)
class Begin:
    """
    An arm begins.

    Attributes:
        device: The ``device`` of every JSON answer, with its accelerator.
        state: What else pages out or kills apps on the device, and its settings: they must be
            equal in arms that are compared.
    """

    arm: str
    seed: int
    launches: int
    page_bytes: int
    device: dict[str, Any]
    state: dict[str, str | None]
    t: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True)
class Launch:
    """
    An app was opened.

    Attributes:
        at_s: When the app showed, in seconds since the arm began.
        state: ``HOT``, ``WARM`` (new activity in a process that lived), ``COLD``; other words are
            the device's own.
        first: Whether the arm had not opened the app before.
        pid: Its main process afterwards; None when that was gone again.
        took_bytes: Anonymous memory that its main process has, less what it had before.
        score_lost: Whether points are missing from its score; None for apps without a score.
        score: What a game shows when it has been played; None for other apps, and once it is gone.
        asked_s: When the launch was asked for, in seconds since the arm began.
    """

    at_s: float
    package: str
    state: str
    took_s: float | None
    first: bool
    pid: int | None
    took_bytes: int
    score_lost: bool | None = None
    score: int | None = None
    asked_s: float | None = None
    t: Literal["launch"] = "launch"


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Memory of the device; None where it does not say.

    Attributes:
        psi_some_us: How long some task waited for memory since boot; *psi_full_us*: all at once.
        paged_out: Pages the kernel wrote to swap since boot; *paged_in*: pages it read back.
        flash_read_bytes: What zram read back from flash since boot.
    """

    at_s: float
    available_bytes: int | None
    free_bytes: int | None
    swap_used_bytes: int | None
    zram_used_bytes: int | None
    psi_some_us: int | None
    psi_full_us: int | None
    paged_out: int | None
    paged_in: int | None
    flash_read_bytes: int | None = None
    t: Literal["sample"] = "sample"


@dataclass(frozen=True, slots=True)
class PageOut:
    """
    A page-out that the arm itself did.

    Attributes:
        swapped_bytes: What its targets have more in swap, as the tool says.
        kernel_bytes: What went to swap meanwhile, by the kernel's own counter.
        cpu_s: CPU time of the helper, or of the guard.
        refused: Processes that were left alone or gave less, each with the reason.
    """

    at_s: float
    duration_s: float
    targets: int
    advised_bytes: int
    reclaimed_bytes: int | None
    swapped_bytes: int | None
    gained_bytes: int | None
    kernel_bytes: int | None
    cpu_s: float
    refused: tuple[str, ...] = ()
    t: Literal["page_out"] = "page_out"


@dataclass(frozen=True, slots=True)
class Gone:
    """The main process of an app was found gone."""

    at_s: float
    pid: int
    package: str
    t: Literal["gone"] = "gone"


@dataclass(frozen=True, slots=True)
class Kill:
    """
    A kill, as a log of the device tells it.

    Attributes:
        by: Who killed, in the words of ``kills --json``.
        ours: Whether one of the storm's apps was killed.
    """

    at: str | None
    by: str
    pid: int
    name: str | None
    oom_score_adj: int | None
    reason: str
    ours: bool
    t: Literal["kill"] = "kill"


@dataclass(frozen=True, slots=True)
class Verified:
    """Pages of the surviving apps, each read and compared with what the app wrote."""

    processes: int
    missing: int
    pages: int
    bad: int
    duration_s: float
    t: Literal["verified"] = "verified"


@dataclass(frozen=True, slots=True)
class End:
    """
    An arm has ended; None where the device cannot tell.

    Attributes:
        alive: How many of the apps ran at the end of the launches.
        kswapd_cpu_s: CPU time of the kernel's own reclaim in the background.
        resume_pages: Pages that resumes read and compared, of which *resume_bad* were wrong.
    """

    at_s: float
    duration_s: float
    alive: int
    kswapd_cpu_s: float | None
    resume_pages: int | None
    resume_bad: int | None
    longest_stall_s: float | None
    t: Literal["end"] = "end"


Event = Launch | Sample | PageOut | Gone | Kill | Verified | End | Host


@dataclass
class Run:
    """One arm with one seed."""

    begin: Begin
    launches: list[Launch] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    page_outs: list[PageOut] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    verified: Verified | None = None
    end: End | None = None
    host: Host | None = None  # how busy this computer was

    @property
    def key(self) -> tuple[str, int]:
        """Arm and seed."""
        return self.begin.arm, self.begin.seed

    @property
    def wrong(self) -> bool:
        """Whether a page was not as its app wrote it, or could not be read."""
        at_end = self.verified is not None and bool(self.verified.bad or self.verified.missing)
        return at_end or (self.end is not None and bool(self.end.resume_bad))

    def add(self, event: Event) -> None:
        """Add an event to the run."""
        match event:
            case Launch():
                self.launches.append(event)
            case Sample():
                self.samples.append(event)
            case PageOut():
                self.page_outs.append(event)
            case Gone():
                self.gone.append(event)
            case Kill():
                self.kills.append(event)
            case Verified():
                self.verified = event
            case End():
                self.end = event
            case Host():
                self.host = event


_KINDS: dict[str, type[Begin | Event]] = {
    "begin": Begin, "launch": Launch, "sample": Sample, "page_out": PageOut, "gone": Gone,
    "kill": Kill, "verified": Verified, "end": End, "host": Host,
}  # fmt: skip


def to_line(key: tuple[str, int], event: Begin | Event) -> dict[str, Any]:
    """Return an event as a line of ``samples.ndjson``."""
    arm, seed = key
    return {"t": event.t, "arm": arm, "seed": seed, **asdict(event)}


def runs_of(lines: Iterable[Mapping[str, Any]]) -> list[Run]:
    """
    Read the runs from lines of ``samples.ndjson``; of a run that began twice, the later one.

    Raises:
        ValueError: a line is of no known kind or form, or of a run that never began.
    """
    runs: dict[tuple[str, int], Run] = {}
    for line in lines:
        if line.get("t") not in _KINDS:
            raise ValueError("an event of no known kind")
        key = (str(line["arm"]), int(line["seed"]))
        event = msgspec.convert(line, type=_KINDS[line["t"]])
        if isinstance(event, Begin):
            runs[key] = Run(event)
        elif key in runs:
            runs[key].add(event)
        else:
            raise ValueError(f"{key} never began")
    return list(runs.values())
