"""The engine: a thread for each device takes jobs, plays them, and puts a sick device aside."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from droidreclaim.errors import INTERRUPTED, DroidReclaimError, exit_code_of_all
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.jobs import OPEN, QUARANTINED, SUSPENDED, Job, Queue
from droidreclaim.fleet.play import Ended
from droidreclaim.fleet.record import FINAL, Attempt, FleetFolder, now, still_to_do

_AT_ONCE_S = 30.0  # a device that fails sooner would fail the next job as soon
_BACK_WITHIN_S = 60.0
_LOOK_EVERY_S = 2.0
_MOST_FAILURES = 2  # of a device, then it is put aside for good


@dataclass(frozen=True, slots=True)
class Hands:
    """
    How an engine reaches the devices; a test may put others there.

    Attributes:
        play: Plays a job on a device, into a folder; hands on what is said meanwhile.
        look: Raises where the device is not ready.
        end: Sends a signal to every job that runs, and to those that begin after it.
    """

    play: Callable[[FleetDevice, Job, Path, Callable[[str], None]], Ended]
    look: Callable[[FleetDevice], None]
    end: Callable[[int], None]


@dataclass
class Engine:
    """
    One run of a fleet.

    Attributes:
        attempts: Every attempt, those of before a resume first.
        tell: Called with a line for people.
    """

    folder: FleetFolder
    jobs: Sequence[Job]
    devices: Sequence[FleetDevice]
    hands: Hands
    tell: Callable[[str], None]
    attempts: list[Attempt] = field(default_factory=list)
    at_once_s: float = _AT_ONCE_S
    back_within_s: float = _BACK_WITHIN_S

    def __post_init__(self) -> None:
        todo = still_to_do(self.jobs, self.attempts)
        groups = {one.name: one.group for one in self.devices}
        there = set(groups.values())
        self.queue = Queue([job for job in todo if job.group in there], groups)
        self.queue.undone.update(
            {job.name: f"no device of {job.group}" for job in todo if job.group not in there}
        )
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._defects: list[BaseException] = []

    def run(self) -> BaseException | None:
        """Play every job that is not done; returns what ended the run before its end."""
        for one in self.devices:
            threading.Thread(target=self._serve, args=(one,), name=one.name, daemon=True).start()
        ended_by: BaseException | None = None
        left = len(self.devices)
        while left:
            try:
                self._ended.get()  # no join(): Python 3.11 takes an interrupted one for the end
                left -= 1
            except KeyboardInterrupt as error:
                code = getattr(error, "exit_code", INTERRUPTED)
                self._stop(signal.SIGKILL if ended_by is not None else code - 128)
                ended_by = ended_by or error
        return ended_by or next(iter(self._defects), None)

    @property
    def exit_code(self) -> int:
        """The exit code of all: of each job that of its last attempt, or 3 where it has none."""
        last = {one.job: one.exit_code for one in self.attempts}
        return exit_code_of_all(
            3 if (code := last.get(job.name)) is None else code for job in self.jobs
        )

    def _stop(self, number: int) -> None:
        self._stopped.set()
        self.queue.close()
        self.hands.end(number)

    def _serve(self, device: FleetDevice) -> None:
        """The life of one device: jobs, until none can come any more."""
        failures = 0
        try:
            while (job := self.queue.take(device.name)) is not None:
                ended, attempt = self._attempt(device, job)
                if ended.exit_code in FINAL or self._stopped.is_set():
                    self._note(attempt)
                    self.queue.done(device.name)
                    continue
                failures += 1
                once = ended.took_s < self.at_once_s or failures >= _MOST_FAILURES
                state = QUARANTINED if once else SUSPENDED
                self._note(replace(attempt, aside=state))
                self.tell(f"{device.name}: {state}, {job.name} is for another: {ended.said}")
                said = f"{device.name}: {ended.said}"
                self.queue.failed(device.name, state, said, blameless=ended.blameless)
                if state == SUSPENDED:
                    self._take_in_again(device, attempt)
        except BaseException as error:
            self._defects.append(error)
            self._stop(signal.SIGINT)
        finally:
            self._ended.put(device.name)

    def _attempt(self, device: FleetDevice, job: Job) -> tuple[Ended, Attempt]:
        with self._lock:
            before = [one.number for one in self.attempts if one.job == job.name]
            number = max(before, default=0) + 1
            begun = Attempt(job.name, number, device.name, now())
            self.attempts.append(begun)
            self.folder.note(begun)
        self.tell(f"{device.name}: {job.name}, attempt {number}")
        ended = self.hands.play(
            device,
            job,
            self.folder.path / begun.folder_name,
            lambda line: self.tell(f"{device.name}: {line}"),
        )
        return ended, replace(
            begun, took_s=round(ended.took_s, 3), exit_code=ended.exit_code, said=ended.said
        )

    def _note(self, attempt: Attempt) -> None:
        left = self._keep(attempt)
        done = len(self.jobs) - left
        what = f"{attempt.job} on {attempt.device}: {_in_words(attempt)}"
        self.tell(f"[{done}/{len(self.jobs)}] {what}")

    def _keep(self, attempt: Attempt) -> int:
        """Write down what is known of an attempt now; returns how many jobs are left."""
        with self._lock:
            keys = [(one.job, one.number) for one in self.attempts]
            self.attempts[keys.index((attempt.job, attempt.number))] = attempt
            self.folder.note(attempt)
            return len(still_to_do(self.jobs, self.attempts))

    def _take_in_again(self, device: FleetDevice, attempt: Attempt) -> None:
        """Wait until a device answers and is as found; it is put aside for good where it is not."""
        end_s = time.monotonic() + self.back_within_s
        while not self._stopped.is_set():
            try:
                self.hands.look(device)
            except DroidReclaimError as error:
                if time.monotonic() > end_s:
                    self.tell(f"{device.name}: quarantined: {error}")
                    self._keep(replace(attempt, aside=QUARANTINED))
                    self.queue.judge(device.name, QUARANTINED, f"{device.name}: {attempt.said}")
                    return
                self._stopped.wait(_LOOK_EVERY_S)
            else:
                self.tell(f"{device.name}: it is back")
                self.queue.judge(device.name, OPEN, attempt.said)
                return


def _in_words(one: Attempt) -> str:
    took = f"{one.took_s:.1f} s" if one.took_s is not None else "?"
    return "done" + f" in {took}" if one.exit_code == 0 else f"exit {one.exit_code} after {took}"
