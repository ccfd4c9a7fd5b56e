"""Who reads a screen: the device's own ``uiautomator dump``, or uiautomator2's server there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Protocol, TypeVar, cast

from droidreclaim.device.adb import AdbDevice
from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.qa.stage import StepFailed
from droidreclaim.session import Phone

_T = TypeVar("_T")
_DUMP_S = 30.0  # uiautomator itself waits ten seconds for a screen that stands still
_ANSWER_S = 45.0  # of uiautomator2's server: its library gives it 30 to start
_END_S = 15.0
_MOST_SAID = 200
# Its exit status is 0 whatever became of it, so the file says whether it worked. /dev/tty is no
# file without a terminal.
_DUMP = (
    "f=/data/local/tmp/.droidreclaim-$$.xml; trap 'rm -f \"$f\"' EXIT HUP; "
    'uiautomator dump "$f" 1>&2; cat "$f"'
)


class Ui(Protocol):
    """Reads the screen of one device."""

    def hierarchy(self) -> str:
        """
        All views on the screen, in the XML of ``uiautomator dump``.

        Raises:
            StepFailed: the device could not tell, in its words.
            DeviceError: it was lost, or does not answer.
        """

    def rest(self) -> None:
        """End what runs on the device for it; the next question starts it again. Never raises."""


class Dump:
    """The device's own program: nothing is installed, and nothing runs between two questions."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def hierarchy(self) -> str:
        """All views on the screen."""
        done = self._phone.device.run(["sh", "-c", _DUMP], timeout_s=_DUMP_S)
        if done.exit_code != 0 or not done.text.strip():
            lines = [line for line in done.error_text.splitlines() if line.strip()]
            errors = [line for line in lines if line.startswith("ERROR")]
            raise StepFailed(next(iter([*errors, *lines]), done.complaint)[:_MOST_SAID])
        return done.text

    def rest(self) -> None:
        """Nothing runs."""


def within(seconds: float, do: Callable[[], _T]) -> _T:
    """
    Do what a library does without a deadline: adbutils' sockets wait for ten minutes.

    Raises:
        StepFailed: it is not done in time; it then goes on without anybody who waits.
    """
    done: queue.Queue[tuple[_T | None, Exception | None]] = queue.Queue()

    def work() -> None:
        try:
            done.put((do(), None))
        except Exception as error:  # raised again where it is waited for
            done.put((None, error))

    threading.Thread(target=work, name="qa-ui", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise StepFailed(f"uiautomator2 did not answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return cast("_T", result)


class Uiautomator2:
    """
    The server of uiautomator2, which its library pushes and starts.

    It reads a screen that never stands still, which the device's own program cannot, and takes
    memory as long as it runs. `droidreclaim.session.changes` has its file removed.
    """

    def __init__(self, phone: Phone) -> None:
        self._device = phone.device
        self._server: Any = None
        self._asking = threading.Lock()

    def hierarchy(self) -> str:
        """All views on the screen."""
        import uiautomator2  # noqa: PLC0415 - an extra, and half a second of imports
        from uiautomator2.exceptions import BaseException as Failure  # noqa: PLC0415

        def ask() -> str:
            assert isinstance(self._device, AdbDevice)
            with self._asking, self._device.of_adbutils() as device:
                self._server = self._server or uiautomator2.connect(device)
                return str(self._server.dump_hierarchy())

        try:
            return within(_ANSWER_S, ask)
        except (Failure, HTTPException, ValueError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise StepFailed(f"uiautomator2: {lines[0][:_MOST_SAID]}") from error

    def rest(self) -> None:
        """End the server; one that was there before, and is somebody else's, goes on."""
        # A start that nobody waits for any more, after a Ctrl-C, still pushes its file.
        if self._server is None and self._asking.acquire(timeout=_END_S):
            self._asking.release()
        server, self._server = self._server, None
        if server is not None:
            with suppress(Exception):  # of three libraries; a lost device has ended it already
                within(_END_S, server.stop_uiautomator)


def ui_of(phone: Phone, name: str | None) -> Ui:
    """
    Who reads the screen in a scenario whose ``ui`` is *name*.

    Raises:
        NotPossible: this device is none that uiautomator2 can talk to.
    """
    if name is None:
        return Dump(phone)
    if not isinstance(phone.device, AdbDevice):
        raise NotPossible(f"{phone.serial}: uiautomator2 wants a device of an adb server")
    return Uiautomator2(phone)


def require(name: str | None) -> None:
    """
    See that what reads the screen can be used on this computer.

    Raises:
        UsageError: it is not installed, or will not start.
    """
    if name is None:
        return
    try:
        import uiautomator2  # noqa: F401, PLC0415
    except (ImportError, ValueError) as error:  # ValueError: adbutils on words of the environment
        raise UsageError(
            f"ui: {name} cannot be used here: {error}", hint="pip install 'droidreclaim[ui]'"
        ) from error
