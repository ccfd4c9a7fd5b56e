"""A channel that one thread reads while another writes, as a session with its heartbeat does."""

from __future__ import annotations

import socket
import struct
import threading

from droidreclaim.device.link import Deadline, Link
from droidreclaim.device.shell import ShellChannel, ShellProtocol


def test_a_heartbeat_does_not_disturb_a_thread_that_waits_for_an_answer() -> None:
    ours, theirs = socket.socketpair()
    channel = ShellChannel(Link(ours, "phone", Deadline(5)), ShellProtocol())
    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(channel.read(20)))
    reader.start()
    for _ in range(3000):
        channel.write(b"\n")
        theirs.recv(65536)
    theirs.sendall(struct.pack("<BI", 1, 2) + b"ok")
    reader.join(timeout=20)
    assert answers == [b"ok"]
    channel.close()
    theirs.close()
