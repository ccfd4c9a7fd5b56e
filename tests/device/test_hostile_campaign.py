"""
Answers of an adb server and of a helper, damaged at each byte: a value or one error, in time.

The campaign (``-m campaign``) damages 5,000 answers of each; the ordinary lane a few hundred.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from adb_server import EXIT, STDERR, STDOUT, AdbServer, Peer, packet
from droidreclaim import report
from droidreclaim.device.adb import AdbDevice, list_devices, server_version
from droidreclaim.device.server import Server
from droidreclaim.errors import DroidReclaimError
from droidreclaim.guard import control
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.inspect import apps
from droidreclaim.policy import Selection, choose
from droidreclaim.report import guard as guard_words
from hostile_helper import (
    ASKED_FOR,
    DEVICE,
    HELLO,
    PROC,
    TARGET,
    Body,
    answer,
    answer_raw,
    line,
)

TIMEOUT_S = 0.5
MOST_S = TIMEOUT_S + 10
MOST_BYTES = 200 << 20
INSERTS = (
    b"\n", b"\r\n", b"\x00", b"\xff", b'"', b"{", b"}", b"[" * 500, b"9" * 400, b"-", b"e9", b"NaN",
    b'"\\ud800"', b"null", b"true", b"\x1b[2J", b"0000", b"ffff", b"OKAY", b"FAIL",
    b'{"id":"1","t":"end","ok":true,"lines":0,"crc":"00000000"}\n', b'{"id":"77","t":"proc"}\n',
)  # fmt: skip
APP: Body = {
    "t": "app", "pid": 7, "start": 70, "name": "com.example.game", "uid": 10001, "adj": 900,
    "importance": 900, "match": "*", "background_s": 1, "rss_anon_bytes": 1, "swap_bytes": 1,
    "last_action": None, "last_action_s": None, "refaulted_bytes": 1,
    "holdoff_s": 1, "resumes": 1, "hot_bytes": 1, "spared": None,
}  # fmt: skip
PACKAGE: Body = {"t": "package", "line": "com.example.game 10001 0 /data/x default none"}
GUARD: Body = {
    "t": "guard", "running": True, "pid": 7, "profile": "p", "started_s": 1, "ends_s": 2,
    "left_s": 1, "signal": "timer", "available_bytes": 1, "swap_total_bytes": 1, "cpu_us": 1,
}  # fmt: skip
EVENT: Body = {
    "t": "event", "seq": 1, "at_s": 1, "boot_us": 1, "what": "action", "pid": 7, "name": "n",
    "reason": "r", "advised_bytes": 1, "reclaimed_bytes": 1, "available_bytes": 1,
    "refaulted_bytes": None, "holdoff_s": 1,
}  # fmt: skip


def damaged(data: bytes, at: int, chance: random.Random) -> bytes:
    """Return *data* damaged in one way at byte *at*."""
    kind = chance.randrange(5)
    if kind == 0:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + chance.choice(INSERTS) + data[at:]
    if kind == 2:
        return data[:at] + chance.choice(INSERTS) + data[at + chance.randrange(1, 12) :]
    if kind == 3:
        return data[:at] + data[at + chance.randrange(1, 20) :]
    return data[:at] + data[at - chance.randrange(1, 40) :]


def ps(helper: RunningHelper) -> None:
    info, seen = apps.processes(helper)
    report.document(report.ps_json(info, "device", None, seen.processes))
    report.render(report.ps_table(seen.processes))
    choose(seen, Selection())


def page_out(helper: RunningHelper) -> None:
    advised = verbs.advise(helper.session, "pageout", [ASKED_FOR], verbs.Orders(floor=700))
    assert len(advised.advices) <= 1
    assert isinstance(advised.ended_by, DroidReclaimError | None)


def guard_status(helper: RunningHelper) -> None:
    status = control.status(helper)
    guard_words.guard_text(status.guard)
    report.render(guard_words.apps_table(status.apps))


def guard_log(helper: RunningHelper) -> None:
    for event in control.log(helper):
        report.document(guard_words.event_json(event))
        guard_words.event_line(event)


# What is asked, and the lines of the answers to its requests.
COMMANDS: tuple[tuple[Callable[[RunningHelper], None], tuple[tuple[Body, ...], ...]], ...] = (
    (ps, ((HELLO,), (PROC, PROC | {"pid": 8, "start": 80}, PACKAGE))),
    (page_out, ((TARGET, DEVICE),)),
    (guard_status, ((GUARD, APP),)),
    (guard_log, ((EVENT, EVENT | {"seq": 2}),)),
)  # fmt: skip


def wrong_answers(count: int) -> Iterator[tuple[Callable[[RunningHelper], None], bytes]]:
    """Answers damaged at each of their bytes in turn, every other with count and CRC that fit."""
    chance = random.Random(13)
    made = 0
    while True:
        for command, replies in COMMANDS:
            whole = [answer(str(number), *bodies) for number, bodies in enumerate(replies, start=1)]
            for number, (reply, bodies) in enumerate(zip(whole, replies, strict=True), start=1):
                lines = b"".join(line({"id": str(number), **body}) for body in bodies)
                step = max(1, len(lines) * 8 // count)
                for at in range(chance.randrange(step), len(lines), step):
                    one = (
                        answer_raw(str(number), damaged(lines, at, chance))
                        if at % 2
                        else damaged(reply, at, chance)
                    )
                    yield command, b"".join([*whole[: number - 1], one, *whole[number:]])
                    made += 1
                    if made == count:
                        return


def once_asked(data: Callable[[], bytes]) -> Callable[[Peer, str], None]:
    def serve(peer: Peer, _: str) -> None:
        peer.okay()
        peer.read(5)
        with suppress(OSError):
            peer.send(packet(STDOUT, data()) + packet(EXIT, b"\0"))

    return serve


def most_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ends_well(act: Callable[[], object], what: object) -> float:
    """Run *act* and return its seconds; an exception that is not ours fails, and shows *what*."""
    begun = time.monotonic()
    try:
        with suppress(DroidReclaimError):
            act()
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} by {what!r}") from error
    return time.monotonic() - begun


def helper_campaign(adb: AdbServer, device: AdbDevice, count: int) -> None:
    before, slowest_s, tried = most_bytes(), 0.0, 0
    current = b""
    adb.handlers["shell,v2"] = once_asked(lambda: current)
    for command, data in wrong_answers(count):
        current = data

        def act(command: Callable[[RunningHelper], None] = command) -> None:
            channel = device.open(["helper"], timeout_s=TIMEOUT_S)
            with HelperSession(channel, serial=device.serial, timeout_s=TIMEOUT_S) as session:
                command(RunningHelper(session, device.serial, "Pixel 6", 33, "b", device))

        slowest_s = max(slowest_s, ends_well(act, (command.__name__, data)))
        tried += 1
    grown = most_bytes() - before
    print(f"helper: {tried} answers, slowest {slowest_s:.2f} s, {grown >> 20} MiB more at most")
    assert tried == count
    assert slowest_s < MOST_S
    assert grown < MOST_BYTES


class _Damage:
    """Damages what the server sends, at one byte of all that a scenario has it send."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._send = Peer.send
        self.sent_bytes = 0
        self.at: int | None = None
        self.chance = random.Random(13)
        monkeypatch.setattr(Peer, "send", lambda peer, data: self._send(peer, self._hit(data)))

    def _hit(self, data: bytes) -> bytes:
        first, self.sent_bytes = self.sent_bytes, self.sent_bytes + len(data)
        if self.at is not None and first <= self.at < self.sent_bytes:
            return damaged(data, self.at - first, self.chance)
        return data


def server_campaign(
    adb: AdbServer, address: Server, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    said = packet(STDERR, b"linker: Warning\n") + packet(STDOUT, b"uid=0(root) gid=0(root)\n")
    adb.handlers["host:version"] = lambda peer, _: peer.block("0029")
    adb.handlers["shell,v2"] = lambda peer, _: (
        peer.okay(), peer.send(said + packet(EXIT, b"\0")),
    )[0]  # fmt: skip

    def scenario() -> None:
        server_version(address, TIMEOUT_S)
        [attached, *_] = list_devices(address, TIMEOUT_S) or [None]
        if attached is not None:
            device = AdbDevice(address, attached)
            device.run(["id"], timeout_s=TIMEOUT_S)
            device.ping(timeout_s=TIMEOUT_S)

    damage = _Damage(monkeypatch)
    scenario()
    size_bytes, before, slowest_s = damage.sent_bytes, most_bytes(), 0.0
    assert size_bytes > 150
    for number in range(count):
        damage.sent_bytes, damage.at = 0, number % size_bytes
        # Four operations, each with a deadline of its own.
        slowest_s = max(slowest_s, ends_well(scenario, (number, damage.at)))
    grown = most_bytes() - before
    print(f"server: {count} answers, slowest {slowest_s:.2f} s, {grown >> 20} MiB more at most")
    assert slowest_s < 4 * TIMEOUT_S + 10
    assert grown < MOST_BYTES


def test_a_helper_that_lies_at_any_byte_is_one_error_in_time(
    adb: AdbServer, device: AdbDevice
) -> None:
    helper_campaign(adb, device, 200)


def test_an_adb_server_that_lies_at_any_byte_is_one_error_in_time(
    adb: AdbServer, address: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_campaign(adb, address, monkeypatch, 150)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_five_thousand_lies_of_a_helper(adb: AdbServer, device: AdbDevice) -> None:
    helper_campaign(adb, device, 5000)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_five_thousand_lies_of_an_adb_server(
    adb: AdbServer, address: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_campaign(adb, address, monkeypatch, 5000)


@pytest.mark.parametrize(
    ("command", "replies"), COMMANDS, ids=[command.__name__ for command, _ in COMMANDS]
)
def test_each_answer_is_read_before_it_is_damaged(
    adb: AdbServer,
    device: AdbDevice,
    command: Callable[[RunningHelper], None],
    replies: tuple[tuple[Body, ...], ...],
) -> None:
    whole = [answer(str(number), *bodies) for number, bodies in enumerate(replies, start=1)]
    adb.handlers["shell,v2"] = once_asked(lambda: b"".join(whole))
    channel = device.open(["helper"], timeout_s=5)
    with HelperSession(channel, serial=device.serial, timeout_s=5) as session:
        command(RunningHelper(session, device.serial, "Pixel 6", 33, "b", device))
