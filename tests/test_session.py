"""A session with the real helper of this machine, over pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from droidreclaim.errors import DeviceLost, DeviceTimeout
from droidreclaim.helper import verbs
from droidreclaim.helper.session import HelperError, HelperSession
from droidreclaim.model import Process
from pipe_channel import PipeChannel, build_hash, helper_path

if not helper_path().exists():
    pytest.skip(f"{helper_path()} is not built: python hatch_build.py", allow_module_level=True)


@pytest.fixture
def channel() -> Iterator[PipeChannel]:
    channel = PipeChannel("heartbeat_ms=5000")
    yield channel
    channel.close()
    channel.process.kill()
    channel.process.wait()


@pytest.fixture
def session(channel: PipeChannel) -> Iterator[HelperSession]:
    with HelperSession(channel, serial="here", timeout_s=5) as session:
        yield session


@pytest.fixture
def big_child() -> Iterator[subprocess.Popen[bytes]]:
    code = "import time; x = bytearray(b'ab' * (128 << 20)); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def find(session: HelperSession, pid: int) -> Process:
    scan = verbs.scan_of(session.call("scan"))
    return next(process for process in scan.processes if process.pid == pid)


def test_the_helper_says_which_build_it_is(session: HelperSession) -> None:
    hello = verbs.hello_of(session.call("hello"))
    assert (hello.protocol, hello.build) == (1, build_hash())
    assert hello.page_bytes == os.sysconf("SC_PAGE_SIZE")


def test_several_requests_in_one_write_get_their_own_answers(session: HelperSession) -> None:
    ids = session.send_all([verbs.SCAN, verbs.HELLO, verbs.read_files("meminfo")])
    replies = [session.receive(one) for one in reversed(ids)]
    assert "MemTotal" in (verbs.files_of(replies[0])["/proc/meminfo"] or "")
    assert verbs.hello_of(replies[1]).pid in {p.pid for p in verbs.scan_of(replies[2]).processes}


def test_a_scan_sees_this_process_as_proc_does(session: HelperSession) -> None:
    me = find(session, os.getpid())
    assert me.ppid == os.getppid()
    assert me.uid == os.getuid()
    assert me.memory.rss_bytes
    assert me.memory.rss_bytes > 4 << 20


def test_a_refused_request_is_an_error_with_the_helpers_words(session: HelperSession) -> None:
    with pytest.raises(HelperError, match="EINVAL: what must be"):
        session.call("pageout", targets="1:1", what="everything")


def test_a_killed_helper_is_a_lost_device(session: HelperSession, channel: PipeChannel) -> None:
    session.call("hello")
    channel.process.kill()
    with pytest.raises(DeviceLost):
        session.call("scan")


def test_a_stopped_helper_is_a_timeout_within_the_deadline(channel: PipeChannel) -> None:
    with HelperSession(channel, serial="here", timeout_s=0.5) as session:
        session.call("hello")
        channel.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(DeviceTimeout):
            session.call("scan")
        assert time.monotonic() - begun < 10
        channel.process.send_signal(signal.SIGCONT)


def test_the_helper_ends_within_a_second_of_a_closed_session(channel: PipeChannel) -> None:
    with HelperSession(channel, serial="here", timeout_s=5) as session:
        session.call("hello")
    assert channel.process.wait(timeout=1) is not None


def test_the_heartbeat_keeps_an_idle_session(channel: PipeChannel) -> None:
    with HelperSession(channel, serial="here", timeout_s=5) as session:
        session.call("hello")
        time.sleep(5.6)
        assert session.call("hello").ok


def test_an_interrupt_cancels_the_work_on_the_device(
    session: HelperSession, channel: PipeChannel, big_child: subprocess.Popen[bytes]
) -> None:
    target = find(session, big_child.pid)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    slow = verbs.Orders(floor=-1000, max_bytes_per_s=16 << 20)  # 16 s of it
    advised = verbs.advise(session, "cold", [target], slow)
    assert time.monotonic() - begun < 10
    assert isinstance(advised.ended_by, KeyboardInterrupt)
    (advice,) = advised.advices  # what was done until then is not lost
    assert (advice.outcome, advice.reason) == ("stopped", "cancelled")
    assert 0 < advice.advised_bytes < 200 << 20
    assert channel.process.poll() is None
    assert session.call("hello").ok


def test_an_interrupt_of_a_helper_that_does_not_answer_ends_the_waiting(
    channel: PipeChannel,
) -> None:
    with HelperSession(channel, serial="here", timeout_s=5) as session:
        me = find(session, os.getpid())
        channel.process.send_signal(signal.SIGSTOP)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        advised = verbs.advise(session, "cold", [me], verbs.Orders(floor=-1000))
        assert isinstance(advised.ended_by, KeyboardInterrupt)
        assert (advised.advices, advised.swap) == ((), None)  # what was done nobody knows
        channel.process.send_signal(signal.SIGCONT)
