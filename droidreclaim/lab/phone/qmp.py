"""QEMU's monitor, to save and restore a phone's machine state."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from droidreclaim.errors import DeviceTimeout, DroidReclaimError

_POLL_S = 0.02
_LINE_BYTES = 1 << 20


class Monitor:
    """
    One end of a pair of sockets, whose other end QEMU was started with.

    Raises, in every method:
        DeviceTimeout: QEMU did not answer before the deadline.
        DroidReclaimError: QEMU ended, or refused; the message holds its words.
    """

    def __init__(self, timeout_s: float) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._deadline = time.monotonic() + timeout_s
        self._read = b""
        self._greeted = False

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self.theirs.close()

    def words(self) -> list[str]:
        """What QEMU's command line needs; its process must inherit `theirs`."""
        fd = self.theirs.fileno()
        return ["-chardev", f"socket,id=qmp,fd={fd}", "-mon", "chardev=qmp,mode=control"]

    def execute(self, command: str, *, fd: int | None = None, **arguments: object) -> Any:
        """Run *command*, with *fd* handed over, and return its answer."""
        if not self._greeted:
            self._greeted = True
            self.theirs.close()  # only QEMU has it now, so that its end is noticed
            self._next()
            self.execute("qmp_capabilities")
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        line = json.dumps({"execute": command, "arguments": named}).encode() + b"\n"
        try:
            if fd is None:
                self._ours.sendall(line)
            else:
                socket.send_fds(self._ours, [line], [fd])
        except OSError as error:
            raise DroidReclaimError(f"QEMU ended before '{command}'") from error
        while True:
            answer = self._next()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise DroidReclaimError(f"QEMU refused '{command}': {answer['error']['desc']}")

    def wait_for_status(self, *wanted: str) -> None:
        """Return when the machine is in one of these states, as ``query-status`` names them."""
        while self.execute("query-status")["status"] not in wanted:
            self._pause("its machine")

    def wait_for_migration(self) -> None:
        """Return when the machine state has been written."""
        while (now := self.execute("query-migrate")).get("status") != "completed":
            if now.get("status") in ("failed", "cancelled"):
                words = now.get("error-desc", "no reason given")
                raise DroidReclaimError(f"QEMU could not write its state: {words}")
            self._pause("its state")

    def wait_for_job(self, name: str) -> None:
        """Return when the job has ended and is forgotten."""
        while True:
            (job,) = [job for job in self.execute("query-jobs") if job["id"] == name]
            if job["status"] == "concluded":
                break
            self._pause("its disk")
        self.execute("job-dismiss", id=name)
        if "error" in job:
            raise DroidReclaimError(f"QEMU could not write its disk: {job['error']}")

    def _pause(self, what: str) -> None:
        if time.monotonic() > self._deadline:
            raise DeviceTimeout(f"QEMU is not done with {what} in time")
        time.sleep(_POLL_S)

    def _next(self) -> dict[str, Any]:
        while b"\n" not in self._read:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0 or len(self._read) > _LINE_BYTES:
                raise DeviceTimeout("QEMU does not answer")
            self._ours.settimeout(left_s)
            try:
                data = self._ours.recv(65536)
            except TimeoutError as error:
                raise DeviceTimeout("QEMU does not answer") from error
            except OSError as error:
                raise DroidReclaimError("QEMU ended") from error
            if not data:
                raise DroidReclaimError("QEMU ended")
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DroidReclaimError("QEMU answers in another language") from error
        return answer if isinstance(answer, dict) else {}
