"""What can go wrong, each with the exit code a script sees and a hint at what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from droidreclaim.model import ReclaimResult


INTERRUPTED = 130
_RANK = (1, 2, 6, 3, 5, 4, 7)  # which exit code speaks for several; above them those of a signal


def exit_code_of_all(codes: Iterable[int]) -> int:
    """Of the exit codes that occurred the one that speaks for all; 0 of none."""
    seen = set(codes)
    signals = sorted(code for code in seen if code >= INTERRUPTED)
    return next(iter([*signals, *(one for one in _RANK if one in seen)]), 0)


class DroidReclaimError(Exception):
    """
    An error with one clear line for the user.

    Attributes:
        exit_code: Process exit status, as the README lists them.
        hint: What the user can do next, or None.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """Who and what, without the hint."""
        return super().__str__()

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        # Below a list of rows, the hint has a line of its own.
        joined = "{}\n{}" if "\n" in self.message else "{} ({})"
        return joined.format(self.message, self.hint)


class UsageError(DroidReclaimError):
    """Options or values that make no sense together."""

    exit_code = 2


class DeviceError(DroidReclaimError):
    """
    No device, several, offline, unauthorised, timed out or lost.

    Attributes:
        partial: In the middle of a page-out, what was done until then; else None.
    """

    exit_code = 3
    partial: ReclaimResult | None = None


class NoDevice(DeviceError):
    """Nothing to talk to, or no single choice among several."""


class SeveralDevices(NoDevice):
    """More than one to choose from: waiting does not help."""


class DeviceTimeout(DeviceError):
    """The device or the adb server did not answer within the deadline."""


class DeviceLost(DeviceError):
    """The link broke in the middle of something."""


class NotPossible(DroidReclaimError):
    """This device cannot do it: no root, no backend, no swap for anonymous memory."""

    exit_code = 4


class NotRoot(NotPossible):
    """No way to root works here, or the one that worked before does not any more."""


class ParseError(DroidReclaimError):
    """
    Device text that could not be read.

    Attributes:
        source: Command or file the text came from.
        line_number: 1-based.
        line: The offending line, as it came (may hold terminal escapes).
    """

    exit_code = 5

    def __init__(
        self, source: str, line_number: int, line: str, *, hint: str | None = None
    ) -> None:
        shown = line if len(line) <= 160 else line[:157] + "..."
        what = f", line {line_number}: cannot read {shown!r}" if shown else ": cannot be read"
        super().__init__(f"{source}{what}", hint=hint)
        self.source = source
        self.line_number = line_number
        self.line = line

    def beside(self, stderr: str) -> ParseError:
        """The same error, its hint with the last of what the device's program wrote to stderr."""
        said = stderr.strip().splitlines()[-1:]
        if not said:
            return self
        words = f"stderr said {said[0].strip()[:160]!r}"
        hint = f"{self.hint}; {words}" if self.hint else words
        return ParseError(self.source, self.line_number, self.line, hint=hint)


class TooMuchOutput(DroidReclaimError):
    """The device printed more than anything of its kind can be long."""

    exit_code = 5


class ProfileError(DroidReclaimError):
    """A profile with faults; the message lists every one of them."""

    exit_code = 6


class NotAchieved(DroidReclaimError):
    """
    Asked for and not achieved: no target matched, or every target was refused.

    Attributes:
        result: Of a page-out, every target and everyone left alone with the reason; None when it
            ended before anybody was looked at.
    """

    exit_code = 7
    result: ReclaimResult | None = None


class Interrupted(KeyboardInterrupt):
    """
    Ctrl-C in the middle of a page-out: the device was told to stop, and has.

    It stays a KeyboardInterrupt, so that no ``except Exception`` swallows it.

    Attributes:
        partial: What was done until then.
    """

    def __init__(self, partial: ReclaimResult) -> None:
        super().__init__("interrupted")
        self.partial = partial
