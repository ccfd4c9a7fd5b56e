"""The guard of one device: a daemon there that pages out by itself when memory gets short."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from droidreclaim import profiles
from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.guard import control
from droidreclaim.guard import explain as explaining
from droidreclaim.helper.guard_wire import EventLine, Explanation, GuardLine
from droidreclaim.model import DeviceInfo
from droidreclaim.model.profile import Profile
from droidreclaim.units import seconds_of

if TYPE_CHECKING:
    from droidreclaim.helper.connect import RunningHelper
    from droidreclaim.session.phone import Phone

DEFAULT_PROFILE = "keep-games"
_LONGEST_S = 7 * 86_400


def lasting_s(lasting: float | str) -> int:
    """
    How long a guard is to run, in whole seconds.

    Raises:
        UsageError: no duration, or not 1 s to 168 h.
    """
    seconds = seconds_of(lasting)
    if not 1 <= seconds <= _LONGEST_S:
        raise UsageError(f"a guard for {lasting!r}", hint="1s to 168h")
    return round(seconds)


class Guard:
    """
    The guard of one phone, from `Phone.guard`: nothing is asked of the device before a method is.

    As a context manager it starts the guard and stops it at the end:

        >>> import droidreclaim as dr
        >>> with dr.connect() as phone, phone.guard("gentle", lasting="10m") as guard:
        ...     print(guard.status().guard.profile)
        gentle
    """

    def __init__(
        self,
        phone: Phone,
        profile: str | Profile | None = None,
        *,
        lasting: float | str | None = None,
        allow_flash: bool = False,
    ) -> None:
        self._phone = phone
        self._profile = profiles.load(profile) if isinstance(profile, str) else profile
        self._for_s = None if lasting is None else lasting_s(lasting)
        self._allow_flash = allow_flash
        self._session: RunningHelper | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self.status().guard.running:
                self.stop()
        except NotAchieved:
            pass  # the guard ended by itself meanwhile

    @property
    def device(self) -> DeviceInfo:
        """What names the device, as its own program says it."""
        return control.device_of(self._running())

    def start(self) -> GuardLine:
        """
        Start the guard; it runs on without the cable until it is stopped or its time is over.

        Raises:
            NotAchieved: one runs already; the message has its pid and its profile.
            NotPossible: no guard can run on this device; the message has the reason.
        """
        profile = self._profile or profiles.load(DEFAULT_PROFILE)
        for_s = self._for_s or profile.for_s
        return control.start(self._running(), profile, for_s=for_s, allow_flash=self._allow_flash)

    def explain(self) -> Explanation:
        """What the guard would do now: when, to whom, in which order, and why not; starts none."""
        profile = self._profile or profiles.load(DEFAULT_PROFILE)
        return explaining.explain(self._running(), profile)

    def status(self) -> control.Status:
        """What the guard sees and has done, and each app it knows; says so where none runs."""
        return control.status(self._running())

    def log(self) -> tuple[EventLine, ...]:
        """What guards of this device did, oldest first, as far back as their log goes."""
        return control.log(self._running())

    def follow(self) -> Iterator[EventLine]:
        """As `log`, and then whatever comes; never ends by itself."""
        return control.follow(self._running())

    def stop(self) -> GuardLine:
        """
        Stop the guard and wait for its end; what it paged out comes back as it is used.

        Raises:
            NotAchieved: none runs, or it did not end.
        """
        return control.stop(self._running())

    def _running(self) -> RunningHelper:
        if self._session is None:
            self._session = self._phone.start_program("guard")
        return self._session
