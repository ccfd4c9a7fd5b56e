"""What happens in a storm, one value an event: what is written down, and read again. Pure."""

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
        device: As ``device`` of every answer, and how it is emulated.
        state: What else moves or kills apps there, and by which settings: it must not differ
            between arms that are compared.
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
        at_s: Since the arm began, when it showed.
        state: ``HOT``, ``WARM`` (new activity in a process that lived), ``COLD``; other words are
            the device's own.
        first: Whether the arm had not opened it before.
        pid: Of its main process afterwards; None when it was gone again.
        took_bytes: Anonymous memory it had then and not before.
        score_lost: Whether a score it had is gone; None for apps without one.
        score: What a game shows when it has been played; None for other apps, and once it is gone.
        asked_s: Since the arm began, when it was asked for.
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
        psi_some_us: Since boot: how long some task waited for memory; *psi_full_us*: all of them.
        paged_out: Pages the kernel wrote to swap since boot; *paged_in*: read from it.
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
    A page-out of the arm's own doing, in bytes.

    Attributes:
        swapped_bytes: By the tool: what its targets have more in swap.
        kernel_bytes: By the kernel's own counter, from just before to just after.
        cpu_s: CPU time of the helper.
        refused: Who was left alone or gave less, with the reason.
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
    """A main process of one of the apps is not there any more."""

    at_s: float
    pid: int
    package: str
    t: Literal["gone"] = "gone"


@dataclass(frozen=True, slots=True)
class Kill:
    """
    A kill by a log of the device.

    Attributes:
        by: Word of ``kills --json``.
        ours: Whether it was of one of the storm's apps.
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
        alive: Of the apps, at the end of the launches.
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
        """Take one more event."""
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
    """One line of ``samples.ndjson``."""
    arm, seed = key
    return {"t": event.t, "arm": arm, "seed": seed, **asdict(event)}


def runs_of(lines: Iterable[Mapping[str, Any]]) -> list[Run]:
    """
    The runs that lines tell of; of one that began twice, the later.

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
