"""A device that falls silent in the middle of a reclaim: adbd is asked whether it is there."""

from __future__ import annotations

import time

import pytest

from adb_server import STDOUT, AdbServer, Peer, packet
from droidreclaim.device.adb import AdbDevice
from droidreclaim.errors import DeviceLost, DeviceTimeout
from droidreclaim.helper import session as helper_session
from droidreclaim.helper.session import HelperSession

ANSWER = b'{"id":"1","t":"end","ok":true,"lines":0,"crc":"00000000"}\n'


def say_nothing(peer: Peer, _: str) -> None:
    peer.okay()
    while peer.socket.recv(65536):
        pass


def say_nothing_at_all(peer: Peer, _: str) -> None:
    while peer.socket.recv(65536):
        pass


def answer_late(peer: Peer, _: str) -> None:
    peer.okay()
    time.sleep(1.5)
    peer.send(packet(STDOUT, ANSWER))


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_session, "LOOK_AFTER_S", 0.3)
    monkeypatch.setattr(helper_session, "LOOK_TIMEOUT_S", 0.6)


def watched(device: AdbDevice, timeout_s: float) -> HelperSession:
    channel = device.open(["helper"], timeout_s=5)
    return HelperSession(channel, serial="R58M12", timeout_s=timeout_s, ping=device.ping)


def test_a_phone_that_was_reset_without_a_word_is_lost_soon(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = say_nothing
    adb.handlers["sync:"] = say_nothing_at_all
    with watched(device, 20) as session:
        began = time.monotonic()
        with pytest.raises(DeviceLost, match=r"R58M12: no sign of life for 0\.9 s"):
            session.call("pageout")
        assert time.monotonic() - began < 10


def test_a_device_that_answers_has_all_the_time_its_work_takes(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = answer_late
    with watched(device, 5) as session:
        assert session.call("pageout").ok
    assert adb.requests.count("sync:") >= 3


def test_a_helper_that_is_silent_on_a_device_that_answers_ends_at_the_deadline(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = say_nothing
    with watched(device, 1) as session:
        began = time.monotonic()
        with pytest.raises(DeviceTimeout):
            session.call("pageout")
        assert 0.9 < time.monotonic() - began < 10


def test_both_together_stay_under_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert helper_session.LOOK_AFTER_S + helper_session.LOOK_TIMEOUT_S < 10
