"""What tests do with a pocket phone: adb by words, and waiting."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import adbutils

from droidreclaim.lab.phone import vm
from droidreclaim.lab.phone.state import Phone

ADB = str(Path(adbutils.__file__).parent / "binaries" / "adb")
ADB_TIMEOUT_S = 30.0


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return when *condition* holds; fail after *timeout_s* seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


def without_swap(handset: Handset) -> Handset:
    """Take a phone's swap away: its zram is then as on one that has none."""
    handset.text("swapoff /dev/block/zram0 && echo 1 > /sys/block/zram0/reset")
    return handset


def behave(handset: Handset, as_su: str) -> None:
    """Have the su of a phone that was booted with the root ``su`` behave as the root *as_su*."""
    handset.text(f"su -c 'echo {as_su} > /data/adb/su'")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def adb_server_of(adb: str, port: int, log: Path) -> Iterator[None]:
    """Run *adb* as the server on *port*, and end that process."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            [adb, "-P", str(port), "nodaemon", "server"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    try:
        until(lambda: _answers(port))
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Handset:
    """A booted phone and the adb that talks to it."""

    phone: Phone
    adb: str = ADB

    @property
    def serial(self) -> str:
        return self.phone.serial

    def run(
        self, *words: str, stdin: bytes = b"", timeout_s: float = ADB_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``adb -s SERIAL words...``."""
        argv = [self.adb, "-s", self.serial, *words]
        return subprocess.run(
            argv, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )

    def shell(self, command: str, *, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run ``adb shell command``."""
        return self.run("shell", command, stdin=stdin)

    def text(self, command: str) -> str:
        """Run a command that must succeed, and return what it printed, stripped."""
        done = self.shell(command)
        assert done.returncode == 0, done
        return done.stdout.decode().strip()

    def stop(self) -> None:
        """Stop the phone before the end of the run; it takes memory and a core."""
        vm.stop(self.phone)

    def wait(self, timeout_s: float = 60.0) -> None:
        """Return when a shell answers again, after adbd or the phone restarted."""
        deadline = time.monotonic() + timeout_s
        while True:
            subprocess.run(
                [self.adb, "connect", self.serial],
                capture_output=True,
                timeout=ADB_TIMEOUT_S,
                check=False,
            )
            if self.shell("getprop sys.boot_completed").stdout.strip() == b"1":
                return
            assert time.monotonic() < deadline, "the phone did not come back"
            time.sleep(0.3)
