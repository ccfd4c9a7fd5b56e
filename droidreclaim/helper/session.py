"""One session with a running helper: requests out, verified replies back, nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from droidreclaim.device import Channel
from droidreclaim.errors import DeviceError, DeviceLost, DeviceTimeout, DroidReclaimError
from droidreclaim.helper.protocol import Reply, ReplyReader, request

# The helper gives up after this long without a byte from us. A device short of memory can stall for
# ten seconds, adbd with it: that is no lost host.
HEARTBEAT_MS = 30_000
_BEAT_EVERY_S = 1.0
# A phone that is reset behind TCP closes nothing: adbd itself must answer, within 9 s together.
LOOK_AFTER_S = 3.0
LOOK_TIMEOUT_S = 6.0
_CANCEL_GRACE_S = 1.0


class HelperError(DroidReclaimError):
    """
    The helper refused a request.

    Most requests are refused only when host and helper do not understand each other.

    Attributes:
        errno: By name, ``EINVAL``.
        why: The helper's words, or None.
    """

    def __init__(self, message: str, errno: str | None, why: str | None) -> None:
        super().__init__(message)
        self.errno = errno
        self.why = why


class HelperSession:
    """
    A helper that runs in ``serve``, reached through a channel's stdin and stdout.

    Requests may be pipelined: `send` several, then `receive` each, and all of them cost one round
    trip of the link. Closing the channel ends the helper, also in the middle of work.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        serial: str,
        timeout_s: float,
        ping: Callable[..., None] | None = None,
    ) -> None:
        """*ping* is `Device.ping`; with it a device that is gone without a word is lost sooner."""
        self._ping = ping
        self._channel = channel
        self._serial = serial
        self._timeout_s = timeout_s
        self._asked: set[str] = set()  # of these, replies are awaited
        self._reader = ReplyReader(self._asked)
        self._replies: dict[str, Reply] = {}
        self._count = 0
        self._write_lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._beat, name="helper-heartbeat", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session; the helper sees EOF and leaves. May be called twice."""
        self._closed.set()
        self._channel.close()

    def send(self, verb: str, **values: str | int | None) -> str:
        """
        Send one request and return its id, without waiting.

        Raises:
            DeviceLost: the link is gone.
        """
        return self.send_all([(verb, values)])[0]

    def send_all(self, calls: Sequence[tuple[str, dict[str, str | int | None]]]) -> list[str]:
        """Send several requests in one write: one round trip of the link for all of them."""
        ids = []
        data = b""
        for verb, values in calls:
            self._count += 1
            ids.append(str(self._count))
            data += request(ids[-1], verb, **values)
        self._asked.update(ids)
        self._write(data)
        return ids

    def receive(self, request_id: str, *, patience_s: float = 0.0) -> Reply:
        """
        The reply to *request_id*, waiting for it.

        The deadline is this session's timeout plus *patience_s*, the time the work itself may take.
        An interrupt (Ctrl-C) cancels the request on the device before it is passed on.

        Raises:
            DeviceTimeout: no complete reply within the deadline.
            DeviceLost: the link broke, or the helper ended or was ended before it replied.
            ParseError: the reply does not add up.
            HelperError: the helper refused the request.
        """
        deadline = time.monotonic() + self._timeout_s + patience_s
        try:
            while request_id not in self._replies:
                self._pump(deadline)
        except KeyboardInterrupt:
            self._cancel(request_id)
            raise
        reply = self._replies.pop(request_id)
        if not reply.ok and not reply.lines:
            if ended := self.cut_short(reply):
                raise ended
            message = f"{self._serial}: the helper refused: {reply.error}: {reply.why}"
            raise HelperError(message, reply.error, reply.why)
        return reply

    def cut_short(self, reply: Reply) -> DeviceLost | None:
        """The error when somebody ended the helper during *reply*; None of a whole one."""
        if reply.error != "EINTR":
            return None
        return DeviceLost(
            f"{self._serial}: the helper was ended while it worked: {reply.why}",
            hint="an 'uninstall' in another terminal does that",
        )

    def cancelled(self, request_id: str) -> Reply | None:
        """What came of a request whose `receive` was interrupted, if it was answered in time."""
        return self._replies.pop(request_id, None)

    def call(self, verb: str, *, patience_s: float = 0.0, **values: str | int | None) -> Reply:
        """Send one request and wait for its reply; raises as `send` and `receive`."""
        return self.receive(self.send(verb, **values), patience_s=patience_s)

    def call_all(self, calls: Sequence[tuple[str, dict[str, str | int | None]]]) -> list[Reply]:
        """Send several requests and wait for all answers: one round trip; raises as `receive`."""
        return [self.receive(request_id) for request_id in self.send_all(calls)]

    def _pump(self, deadline: float) -> None:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise DeviceTimeout(f"{self._serial}: the helper did not answer in time")
        watched = self._ping is not None and remaining_s > LOOK_AFTER_S
        try:
            data = self._channel.read(LOOK_AFTER_S if watched else remaining_s)
        except DeviceTimeout:
            if not watched:
                raise
            self._ping_device(min(LOOK_TIMEOUT_S, remaining_s - LOOK_AFTER_S))
            return
        if not data:
            raise DeviceLost(f"{self._serial}: {self._last_words()}")
        self._keep(data)

    def _ping_device(self, timeout_s: float) -> None:
        """Ping the device while the helper works and says nothing."""
        assert self._ping is not None
        try:
            self._ping(timeout_s=timeout_s)
        except DeviceError as error:
            silent = f"no sign of life for {LOOK_AFTER_S + timeout_s:.3g} s"
            raise DeviceLost(
                f"{self._serial}: {silent}: {error}", hint="was it reset or unplugged?"
            ) from error

    def _keep(self, data: bytes) -> None:
        for reply in self._reader.feed(data):
            self._asked.discard(reply.id)  # a second answer is one too many
            self._replies[reply.id] = reply

    def _last_words(self) -> str:
        said = self._channel.stderr.decode("utf-8", "replace").strip().splitlines()
        words = said[-1:] or list(self._reader.noise)[-1:]
        ended = "the helper ended before it answered, or the link was lost"
        return f"{ended}: {words[0][:200]!r}" if words else ended

    def _cancel(self, request_id: str) -> None:
        """Stop the work at its next step; a second interrupt or a dead link ends the waiting."""
        with suppress(DroidReclaimError, KeyboardInterrupt):
            self.send("cancel", of=request_id)
            deadline = time.monotonic() + _CANCEL_GRACE_S
            while request_id not in self._replies:
                self._pump(deadline)

    def _beat(self) -> None:
        while not self._closed.wait(_BEAT_EVERY_S):
            try:
                self._write(b"\n")
            except DroidReclaimError:
                return  # whoever waits for a reply finds out and says so

    def _write(self, data: bytes) -> None:
        with self._write_lock:
            self._channel.write(data)
