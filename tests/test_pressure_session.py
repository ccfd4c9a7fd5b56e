"""`Pressure` with the real program of this machine, over pipes, a few MiB at a time."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.errors import NotAchieved, NotPossible, UsageError
from droidreclaim.helper.bundle import load_bundle
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.inspect.kills import Kills
from droidreclaim.session.pressure import Pressure
from droidreclaim.units import MIB
from pipe_channel import ProcessChannel, helper_path

PROGRAM = helper_path().with_name("droidreclaim-pressure")
if not PROGRAM.exists():
    pytest.skip(f"{PROGRAM} is not built: python hatch_build.py", allow_module_level=True)


@dataclass
class Here:
    """This machine in the place of a phone; nobody was killed there."""

    serial: str = "here"
    source: str = "phone"
    timeout_s: float = 10.0
    channel: ProcessChannel | None = None

    def start_program(self, kind: str) -> RunningHelper:
        self.channel = ProcessChannel([PROGRAM, "serve", "heartbeat_ms=5000"])
        session = HelperSession(self.channel, serial=self.serial, timeout_s=self.timeout_s)
        build = load_bundle(kind=kind).build
        return RunningHelper(session, self.serial, None, None, build, None)  # type: ignore[arg-type]

    def kills(self, since: float) -> Kills:
        return Kills((), None, 0, ())


def pressure(here: Here, until: str = "taken>=4MiB", **more: Any) -> Pressure:
    words = {"lasting": "30s", "compressible": "3:1", "seed": 1, "adj": 100, "cap": "8MiB"}
    return Pressure(here, until, yes=False, **(words | more))  # type: ignore[arg-type]


def gone(here: Here) -> bool:
    assert here.channel is not None
    return here.channel.process.wait(10) == 0


def test_a_block_holds_memory_and_its_end_gives_it_back() -> None:
    here = Here()
    with pressure(here) as block:
        assert block.result is not None
        assert (block.result.held, block.result.reached) == (True, True)
        holder = Path(f"/proc/{block.result.holder_pid}")
        assert (holder / "oom_score_adj").read_text() == "100\n"
        assert block.hold("100ms").now.taken_bytes == 4 * MIB
    assert block.result.ended_by == "released"
    assert not holder.exists()
    assert gone(here)


def test_a_block_that_raises_gives_it_back_too() -> None:
    here = Here()
    with pytest.raises(ZeroDivisionError), pressure(here):
        raise ZeroDivisionError
    assert gone(here)


def test_what_ends_before_it_is_reached_is_not_achieved_and_says_how_far_it_came() -> None:
    here = Here()
    block = pressure(here, "taken>=64MiB")
    with pytest.raises(NotAchieved, match=r"all that may be taken was taken \(8.0 MiB\)"):
        block.start()
    assert block.result is not None
    assert (block.result.ended_by, block.result.now.taken_bytes) == ("cap", 8 * MIB)
    assert gone(here)


def test_a_holder_that_is_killed_ends_the_hold_before_its_time() -> None:
    here = Here()
    with pressure(here) as block:
        assert block.result is not None
        os.kill(block.result.holder_pid, signal.SIGKILL)
        ended = block.hold("30s")
        assert (ended.held, ended.ended_by) == (False, "killed")
        assert ended.lasted_s < 20
    assert gone(here)


@pytest.mark.parametrize(
    "more", [{"adj": -1}, {"adj": 101}, {"lasting": 0}, {"cap": "x"}, {"compressible": "0:1"}]
)
def test_words_that_make_no_sense_are_refused_before_a_device_is_asked(more: Any) -> None:
    with pytest.raises(UsageError):
        pressure(Here(), **more)


def test_what_the_program_refuses_is_not_possible_in_its_words() -> None:
    here = Here()
    with pytest.raises(NotPossible, match="EINVAL: cap_bytes"):
        pressure(here, cap=1 << 70).start()
    assert gone(here)


def test_a_pressure_that_was_not_started_has_nothing_to_say() -> None:
    with pytest.raises(UsageError, match="not started"):
        pressure(Here()).status()
