"""The engine with hands of the tests': a device that comes back, one that does not, a defect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from droidreclaim.errors import DeviceLost
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.engine import Engine, Hands
from droidreclaim.fleet.jobs import Job, plan
from droidreclaim.fleet.play import Ended
from droidreclaim.fleet.record import Asked, FleetFolder

LATE = 31.0  # such a device has worked before it failed


class Phones:
    """Devices that end their jobs as `ends` says, one after the other, and are there or not."""

    def __init__(self, *ends: Ended, lost: bool = False) -> None:
        self.ends = list(ends)
        self.lost = lost
        self.folders: list[str] = []

    def play(self, device: FleetDevice, job: Job, path: Path, tell: Callable[[str], None]) -> Ended:
        self.folders.append("/".join(path.parts[-2:]))
        return self.ends.pop(0)

    def look(self, device: FleetDevice) -> None:
        if self.lost:
            raise DeviceLost(f"{device.serial}: not attached")


def engine(path: Path, phones: Phones, lines: list[str]) -> Engine:
    devices = (FleetDevice("this", "A", "device", model="Pixel 6", sdk=34),)
    asked = Asked(("run", "x"), (), devices, plan(("run", "x"), devices))
    hands = Hands(phones.play, phones.look, lambda number: None)
    folder = FleetFolder.new(path, asked)
    return Engine(folder, asked.jobs, devices, hands, lines.append, back_within_s=0.0)


def test_a_device_that_was_lost_after_a_while_and_is_back_plays_its_job_anew(
    tmp_path: Path,
) -> None:
    phones, lines = Phones(Ended(3, "lost", LATE), Ended(0, "", 1.0)), list[str]()
    made = engine(tmp_path / "out", phones, lines)
    assert made.run() is None
    assert [(one.exit_code, one.aside) for one in made.attempts] == [(3, "suspended"), (0, None)]
    assert phones.folders == ["001-A/1", "001-A/2"]
    assert "this/A: it is back" in lines
    assert (made.exit_code, made.queue.undone) == (0, {})


def test_a_device_that_is_lost_a_second_time_is_out(tmp_path: Path) -> None:
    phones, lines = Phones(Ended(3, "lost", LATE), Ended(3, "again", LATE)), list[str]()
    made = engine(tmp_path / "out", phones, lines)
    assert made.run() is None
    assert [one.aside for one in made.attempts] == ["suspended", "quarantined"]
    assert made.exit_code == 3
    assert made.queue.undone == {"001-A": "no device of Pixel 6, SDK 34 is left: this/A: again"}


def test_a_device_that_does_not_come_back_is_out(tmp_path: Path) -> None:
    phones, lines = Phones(Ended(3, "lost", LATE), lost=True), list[str]()
    made = engine(tmp_path / "out", phones, lines)
    assert made.run() is None
    assert made.queue.undone == {"001-A": "no device of Pixel 6, SDK 34 is left: this/A: lost"}
    assert "this/A: quarantined: A: not attached" in lines
    assert [one.aside for one in made.attempts] == ["quarantined"]
    _, _, written = FleetFolder.load(tmp_path / "out")
    assert written == made.attempts


def test_a_defect_in_one_devices_thread_ends_the_run_and_is_told(tmp_path: Path) -> None:
    made = engine(tmp_path / "out", Phones(), [])
    assert isinstance(made.run(), IndexError)
