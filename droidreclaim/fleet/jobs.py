"""What a fleet has to do, job by job, and which device may do it. Pure but for the lock."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from droidreclaim.fleet.devices import FleetDevice

MOST_ATTEMPTS = 3
OPEN, SUSPENDED, QUARANTINED = "open", "suspended", "quarantined"


@dataclass(frozen=True, slots=True)
class Job:
    """
    One command line of `run` or `storm`, for one device.

    Attributes:
        name: Of its folder.
        group: Devices of this model and release may do it.
        words: The command line, without the device and the folder.
        device: The one that does it as long as it can; None for whichever of the group is free.
    """

    name: str
    group: str
    words: tuple[str, ...]
    device: str | None = None


def plan(
    words: Sequence[str], devices: Sequence[FleetDevice], seeds: Sequence[int] = ()
) -> tuple[Job, ...]:
    """The jobs: one for each device, or for each group one a seed, which its devices share."""
    if not seeds:
        return tuple(
            Job(f"{number:03}-{_plain(one.serial)}", one.group, tuple(words), one.name)
            for number, one in enumerate(devices, start=1)
        )
    groups = list(dict.fromkeys(one.group for one in devices))
    pairs = [(group, seed) for seed in seeds for group in groups]
    return tuple(
        Job(
            f"{number:03}-{_plain(group)}-seed-{seed}",
            group,
            (*words, "--seed", str(seed)),
        )
        for number, (group, seed) in enumerate(pairs, start=1)
    )


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)[:60]


@dataclass
class Queue:
    """
    The jobs that wait, and the devices that may take one; used by a thread for each device.

    Attributes:
        undone: Jobs that nobody is left for, or that failed too often; with the reason.
    """

    waiting: list[Job]
    groups: dict[str, str]  # of each device, by its name
    undone: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._states = dict.fromkeys(self.groups, OPEN)
        self._running: dict[str, Job] = {}
        self._failed: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def take(self, device: str) -> Job | None:
        """The next job; waits while one of its group may come back. None at the end."""
        with self._changed:
            while not self._closed and self._states[device] != QUARANTINED:
                job = self._next_for(device) if self._states[device] == OPEN else None
                if job is not None:
                    self.waiting.remove(job)
                    self._running[device] = job
                    return job
                if not self._may_come(device):
                    return None
                self._changed.wait()
            return None

    def done(self, device: str) -> None:
        """The device has ended its job, with whatever verdict."""
        with self._changed:
            del self._running[device]
            self._changed.notify_all()

    def failed(self, device: str, state: str, why: str, *, blameless: bool = False) -> None:
        """
        The device has failed its job: it is put aside first, then its job goes to another.

        Args:
            state: `SUSPENDED` where it may be taken in again, or `QUARANTINED`.
            blameless: Whether the job had no part in it: then it does not count against the job.
        """
        with self._changed:
            self._states[device] = state
            job = self._running.pop(device)
            self._failed[job.name] = self._failed.get(job.name, 0) + (not blameless)
            if self._failed[job.name] >= MOST_ATTEMPTS:
                self.undone[job.name] = f"failed {MOST_ATTEMPTS} times, at last: {why}"
            else:
                self.waiting.insert(0, job)
            self._drop_what_nobody_does(why)
            self._changed.notify_all()

    def judge(self, device: str, state: str, why: str) -> None:
        """A device that was put aside is taken in again, or out for good."""
        with self._changed:
            self._states[device] = state
            self._drop_what_nobody_does(why)
            self._changed.notify_all()

    def close(self) -> None:
        """Give nobody another job."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def quarantined(self) -> Collection[str]:
        """Devices that were put aside."""
        return [name for name, state in self._states.items() if state != OPEN]

    def _next_for(self, device: str) -> Job | None:
        for job in self.waiting:
            if job.group != self.groups[device]:
                continue
            if job.device in (None, device) or self._states.get(job.device or "") != OPEN:
                return job
        return None

    def _may_come(self, device: str) -> bool:
        """Whether a job of the group is not at its end: it may fail elsewhere, and come here."""
        group = self.groups[device]
        return any(job.group == group for job in (*self.waiting, *self._running.values()))

    def _drop_what_nobody_does(self, why: str) -> None:
        left = {self.groups[name] for name, state in self._states.items() if state != QUARANTINED}
        for job in [one for one in self.waiting if one.group not in left]:
            self.waiting.remove(job)
            self.undone[job.name] = f"no device of {job.group} is left: {why}"
