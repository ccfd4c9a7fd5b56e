"""
A device behind a protocol: run a command, hold one open, put a file there.

Only ``droidreclaim.device.adb`` imports adbutils; everything above this package is written against
the protocols here and is tested with a fake that answers the exact commands it was taught.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from droidreclaim.errors import ParseError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """
    What a finished command of the device printed.

    Attributes:
        exit_code: None where the link cannot carry it and it could not be asked for.
        stderr: Its last 64 KiB; never in *stdout*.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int | None

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text."""
        return self.stderr.decode("utf-8", "replace")

    def read(self, parse: Callable[[str], _T]) -> _T:
        """
        Standard output as *parse* reads it.

        Raises:
            ParseError: it cannot; the hint then says what stands in stderr.
        """
        try:
            return parse(self.text)
        except ParseError as error:
            raise error.beside(self.error_text) from error

    @property
    def complaint(self) -> str:
        """What a failed command says in an error: exit code and last line, ``exited 1: denied``."""
        lines = (self.error_text or self.text).strip().splitlines()
        said = f": {lines[-1].strip()[:200]}" if lines else ""
        return f"exited {'?' if self.exit_code is None else self.exit_code}{said}"


class Channel(Protocol):
    """A command running on the device, its stdin and stdout held open."""

    def write(self, data: bytes) -> None:
        """
        Write to the command's stdin.

        Raises:
            DeviceTimeout: the command took nothing for ten seconds.
            DeviceLost: the link or the command is gone.
        """

    def read(self, timeout_s: float) -> bytes:
        """
        Whatever stdout has next, from one byte to 64 KiB; empty at its end.

        Raises:
            DeviceTimeout: nothing came in *timeout_s* seconds.
            DeviceLost: the link broke (an ordinary end of the command is the empty answer).
        """

    @property
    def stderr(self) -> bytes:
        """
        What the command wrote to stderr so far: its last 64 KiB.

        Without shell protocol 2 (before Android 7) it comes at the end of the command.
        """

    @property
    def exit_code(self) -> int | None:
        """Exit status once `read` returned its end; None before, and where unknown."""

    def close(self) -> None:
        """Close the link; the device hangs up on the command. Never raises, may be called twice."""


class Device(Protocol):
    """One attached device, chosen and online."""

    @property
    def serial(self) -> str:
        """Serial as adb prints it; the identity that survives a reconnect."""

    @property
    def model(self) -> str | None:
        """Model from the adb server's list (``Pixel_6a``); None when it does not say."""

    def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """
        Run a command to its end. Each word is quoted: none is ever read by the device's shell.

        Raises:
            DeviceTimeout: it did not end within *timeout_s* in all, however much it printed.
            DeviceLost: the link broke before the end; partial output is never returned.
            TooMuchOutput: it printed more than 16 MiB.
        """

    def open(self, argv: Sequence[str], *, timeout_s: float) -> Channel:
        """
        Start a command and hold its stdin and stdout; *timeout_s* bounds the start only.

        Raises:
            DeviceTimeout, DeviceLost: as `run`.
        """

    def ping(self, *, timeout_s: float) -> None:
        """
        See that the device still answers, without starting a program there.

        Raises:
            DeviceTimeout, DeviceLost: as `run`.
        """
