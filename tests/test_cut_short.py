"""A reclaim that is cut short in the middle, with the real helper and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from local_shell import LocalShell

from droidreclaim import reclaim
from droidreclaim.errors import DeviceError, DeviceLost, DeviceTimeout
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.protocol import ReplyReader
from droidreclaim.helper.session import HelperSession
from droidreclaim.policy import Selection
from droidreclaim.report.reclaim import reclaim_json, reclaim_summary
from pipe_channel import PipeChannel, build_hash, helper_path

if not helper_path().exists():
    reason = f"{helper_path()} is not built: python hatch_build.py"
    if os.environ.get("DROIDRECLAIM_REQUIRE"):
        raise RuntimeError(reason)
    pytest.skip(reason, allow_module_level=True)

TARGETS = 6
_CHILD = (
    "import os, time; os.setuid(10123); x = bytearray(b'ab' * (8 << 20)); print(1, flush=True); "
    "time.sleep(60)"
)


@pytest.fixture(scope="module")
def victims() -> Iterator[tuple[int, ...]]:
    """Pids of processes of an app's uid that hold 16 MiB each."""
    if os.geteuid() != 0:
        message = "needs root to give processes an app's uid"
        pytest.fail(message) if os.environ.get("DROIDRECLAIM_REQUIRE") else pytest.skip(message)
    words = [sys.executable, "-c", _CHILD]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(TARGETS)]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    yield tuple(child.pid for child in children)
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def channel() -> Iterator[PipeChannel]:
    channel = PipeChannel("heartbeat_ms=5000")
    yield channel
    channel.process.kill()
    channel.close()
    channel.process.wait()


def run(
    channel: PipeChannel, pids: tuple[int, ...], cut: Callable[[], None], **orders: object
) -> reclaim.Finished:
    """Mark *pids* cold at 16 MiB a second, and *cut* it short once it works."""
    request = reclaim.Request(
        Selection(pids=pids, force=True), how="cold", max_bytes_per_s=16 << 20
    )
    session = HelperSession(channel, serial="here", timeout_s=5)
    with RunningHelper(session, "here", None, None, build_hash(), LocalShell()) as helper:
        timer = threading.Timer(1.5, cut)
        try:
            return reclaim.run(helper, request, progress=lambda _: timer.start())
        finally:
            timer.cancel()


def outcomes(done: reclaim.Finished) -> list[tuple[str, str, int | None]]:
    """Outcome, first word of the reason and what was advised, of every target."""
    document = reclaim_json(done.device, "device", done.result)
    return [
        (one["outcome"], (one["reason"] or "").partition(":")[0], one["advised_bytes"])
        for one in document["targets"]
    ]


def test_an_uninstall_beside_it_leaves_no_target_untold(
    channel: PipeChannel, victims: tuple[int, ...]
) -> None:
    done = run(channel, victims, channel.process.terminate)
    assert isinstance(done.ended_by, DeviceLost)
    assert done.ended_by.exit_code == 3
    assert "SIGTERM" in str(done.ended_by)
    assert {one.process.pid for one in done.result.targets} == set(victims)
    rows = outcomes(done)
    assert any(advised for _, _, advised in rows)  # what was done before is not lost
    not_reached = [row for row in rows if not row[2]]
    assert not_reached
    assert set(not_reached) == {("stopped", "cancelled", 0)}


def test_a_killed_helper_is_not_said_to_have_done_nothing(
    channel: PipeChannel, victims: tuple[int, ...]
) -> None:
    done = run(channel, victims, channel.process.kill)
    assert isinstance(done.ended_by, DeviceLost)
    assert outcomes(done) == [("stopped", "not_proven", None)] * TARGETS
    assert done.result.totals.advised_bytes is None
    assert done.result.totals.gained_bytes is None
    assert not done.result.achieved
    assert reclaim_summary(done.result).startswith("advised ?; meanwhile ? left memory")


def test_a_helper_that_falls_silent_leaves_no_target_untold(
    channel: PipeChannel, victims: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("droidreclaim.helper.verbs._SLOWEST_BYTES_PER_S", 1 << 40)
    read = channel.read
    began = time.monotonic()

    def silent(timeout_s: float) -> bytes:
        if time.monotonic() < began + 1:
            return read(timeout_s)
        raise DeviceTimeout("here: no answer within 5 s")

    monkeypatch.setattr(channel, "read", silent)
    done = run(channel, victims, lambda: None)
    assert isinstance(done.ended_by, DeviceTimeout)
    assert len(outcomes(done)) == TARGETS


def test_an_answer_that_does_not_add_up_leaves_no_target_untold(
    channel: PipeChannel, victims: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = ReplyReader.feed

    def damaged(reader: ReplyReader, data: bytes) -> object:
        return feed(reader, data.replace(b'"advised_bytes":', b'"advised_bytes":1'))

    monkeypatch.setattr(ReplyReader, "feed", damaged)
    done = run(channel, victims, lambda: None)
    assert done.ended_by is not None
    assert getattr(done.ended_by, "exit_code", None) == 5
    assert outcomes(done) == [("stopped", "not_proven", None)] * TARGETS


def test_a_request_that_comes_when_the_helper_was_ended_is_a_lost_device(
    channel: PipeChannel, victims: tuple[int, ...]
) -> None:
    with HelperSession(channel, serial="here", timeout_s=5) as session:
        session.call("hello")
        channel.process.terminate()
        channel.process.wait()
        with pytest.raises(DeviceError) as caught:
            session.call("scan")
        assert caught.value.exit_code == 3
