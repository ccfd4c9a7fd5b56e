"""Memory made short on one device, for as long as somebody holds on to it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from droidreclaim.device import Device
from droidreclaim.errors import DroidReclaimError, NotAchieved, NotPossible, UsageError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.pressure_wire import result_of
from droidreclaim.helper.session import HelperError
from droidreclaim.model import DeviceInfo
from droidreclaim.model.pressure import Death, PressureResult
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.policy.pressure import LONGEST_S, parse_compressible, parse_until
from droidreclaim.units import format_size, seconds_of, size_of

if TYPE_CHECKING:
    from droidreclaim.session.phone import Phone

DEFAULT_FOR_S = 60.0
_END_PATIENCE_S = 25.0  # an exit gives back what is swapped, too
_LOOK_S = 0.5
_SETTLE_S = 4.0  # exit records and log lines come up to three seconds after a kill
_FOR_MEMORY = (
    KilledBy.LMKD,
    KilledBy.KERNEL_LMK,
    KilledBy.KERNEL_OOM,
    KilledBy.MEMORY_LIMITER,
)
_EMULATOR_PROPS = ("ro.kernel.qemu", "ro.boot.qemu")
_WHY = {
    "cap": "all that may be taken was taken ({cap}), and it was not enough",
    "psi_full": "every process waited for memory for most of a second: more would hang the device",
    "time": "its time was over ({lasted:.0f} s)",
    "no_memory": "the kernel gave no more memory ({taken} taken)",
    "refused": "the device let no process of ours have this oom_score_adj",
    "killed": "the holder itself was killed, with {taken} taken",
    "watchdog": "its watchdog was killed, and the holder with it",
    "released": "it was given back before",
}


class Pressure:
    """
    A pressure on one phone, from `Phone.pressure`; memory is taken when the block begins.

        >>> import droidreclaim as dr
        >>> with dr.connect() as phone, phone.pressure("taken>=8MiB") as pressure:
        ...     pressure.result.reached, pressure.result.held
        (True, True)
        >>> pressure.result.ended_by
        'released'

    It ends with the block, with the cable and with this process, whatever becomes of them.

    Attributes:
        result: The pressure's state when it was last asked for; None before the block.
    """

    def __init__(
        self,
        phone: Phone,
        until: str,
        *,
        lasting: float | str | None,
        compressible: str,
        seed: int,
        adj: int,
        cap: int | str | None,
        yes: bool,
    ) -> None:
        self._phone = phone
        self._until = parse_until(until)
        self._for_s = lasting_s(lasting)
        self._permille = parse_compressible(compressible)
        self._seed, self._adj = seed, adj
        self._cap_bytes = None if cap is None else size_of(cap)
        self._yes = yes
        if not 0 <= adj <= 100:
            raise UsageError(
                f"oom_score_adj {adj}", hint="0 to 100: who takes memory can be killed"
            )
        if not 0 <= seed < 1 << 63:
            raise UsageError(f"seed {seed}", hint="0 or more")
        self._session: RunningHelper | None = None
        self._began_s = 0.0
        self._device: DeviceInfo | None = None
        self.result: PressureResult | None = None

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
            if kind is None:
                self.end()
        finally:
            self._close()

    @property
    def device(self) -> DeviceInfo:
        """What names the device; known once it was started."""
        assert self._device is not None
        return self._device

    def start(self) -> PressureResult:
        """
        Take memory until the condition holds; it stays held.

        Raises:
            UsageError: a real device, without *yes*.
            NotAchieved: the pressure ended before that; *result* says how far it came.
            NotPossible: no root, or the device refuses it.
        """
        self._require_consent()
        try:
            return self._take()
        except BaseException:
            self._close()
            raise

    def status(self) -> PressureResult:
        """The pressure's state now, with processes that ended meanwhile and who killed them."""
        self.result = self._explained(self._call("pressure_status", 0.0))
        return self.result

    def hold(self, lasting: float | str) -> PressureResult:
        """Hold what was taken for *lasting*; returns sooner when the pressure ends by itself."""
        until_s = time.monotonic() + seconds_of(lasting)
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(_LOOK_S, left_s))
            self.result = self._call("pressure_status", 0.0)
            if not self.result.held:
                break
        return self.status()

    def end(self) -> PressureResult:
        """Give the memory back and wait until that is done."""
        self.result = self._explained(self._call("pressure_end", _END_PATIENCE_S))
        return self.result

    def _require_consent(self) -> None:
        phone = self._phone
        if self._yes or phone.source == "phone" or is_emulator(phone.device, phone.timeout_s):
            return
        raise UsageError(
            f"{phone.serial}: a real device: apps will be killed, and it will be slow",
            hint="--yes, or yes=True",
        )

    def _take(self) -> PressureResult:
        self._session = self._phone.start_program("pressure")
        hello = verbs.hello_of(self._session.session.call("hello"))
        self._device = self._session.device_info(hello)
        self._began_s = time.monotonic()
        self.result = self._call(
            "pressure_take",
            self._for_s + _END_PATIENCE_S,
            until=self._until.condition,
            bytes=self._until.size_bytes,
            for_ms=round(self._for_s * 1000),
            random_permille=self._permille,
            seed=self._seed,
            adj=self._adj,
            cap_bytes=self._cap_bytes,
        )
        self.result = self._explained(self.result)
        if not self.result.held:
            raise NotAchieved(f"{self._phone.serial}: {why_ended(self.result)}")
        return self.result

    def _call(self, verb: str, patience_s: float, **values: str | int | None) -> PressureResult:
        if self._session is None:
            raise UsageError("this pressure was not started, or has ended")
        try:
            reply = self._session.session.call(verb, patience_s=patience_s, **values)
        except HelperError as error:
            raise NotPossible(f"{self._phone.serial}: {error.errno}: {error.why}") from error
        return result_of(reply, self._until.size_bytes)

    def _explained(self, result: PressureResult) -> PressureResult:
        """Add what the device says of kills; the device is asked only where a process ended."""
        if not result.deaths and not result.oom_kills and result.ended_by != "killed":
            return result
        settled_s = time.monotonic() + _SETTLE_S
        while True:
            since_s = time.monotonic() - self._began_s + 1.0
            records = self._phone.kills(since=since_s).records
            deaths = join_deaths(result.deaths, records)
            if all(one.by != "unknown" for one in deaths) or time.monotonic() > settled_s:
                return replace(result, deaths=deaths)
            time.sleep(_LOOK_S)

    def _close(self) -> None:
        if self._session is not None:
            with suppress(DroidReclaimError):
                self._session.session.close()
        self._session = None


def lasting_s(lasting: float | str | None) -> float:
    """
    How long a pressure lasts at most.

    Raises:
        UsageError: no duration, or not 1 s to 10 min.
    """
    seconds = DEFAULT_FOR_S if lasting is None else seconds_of(lasting)
    if not 1 <= seconds <= LONGEST_S:
        raise UsageError(f"a pressure for {lasting!r}", hint="1s to 10m")
    return seconds


def is_emulator(device: Device, timeout_s: float) -> bool:
    """Whether this is an Android emulator, by its serial or by what it says of itself."""
    if device.serial.startswith("emulator-"):
        return True
    script = "".join(f"getprop {name}; " for name in _EMULATOR_PROPS)
    done = device.run(["sh", "-c", script], timeout_s=timeout_s)
    return "1" in done.text.split()


def why_ended(result: PressureResult) -> str:
    """Why memory is not held (any more), as a sentence."""
    words = _WHY.get(result.ended_by or "", result.ended_by or "it ended")
    return words.format(
        cap=format_size(result.cap_bytes),
        taken=format_size(result.now.taken_bytes),
        lasted=result.lasted_s,
    )


def why_not_reached(result: PressureResult) -> str:
    """Why memory is held and its condition was not reached, as a sentence."""
    if result.deaths or result.oom_kills:
        return f"somebody was killed before {result.until} was reached, and no more was taken"
    return f"{result.until} was not reached"


def join_deaths(deaths: tuple[Death, ...], records: tuple[KillRecord, ...]) -> tuple[Death, ...]:
    """Say of each death who killed; add processes killed for memory that were not watched."""
    by_pid = {one.pid: one for one in records}
    joined = [_spoken_for(one, by_pid.get(one.pid)) for one in deaths]
    watched = {one.pid for one in deaths}
    others = [
        Death(
            pid=one.pid,
            start_ticks=None,
            name=one.name,
            uid=one.uid,
            oom_score_adj=one.oom_score_adj,
            at_s=None,
            by=one.by.value,
            reason=one.reason,
            level=None,
        )
        for one in records
        if one.pid not in watched and one.by in _FOR_MEMORY
    ]
    return (*joined, *others)


def _spoken_for(death: Death, record: KillRecord | None) -> Death:
    if record is None:
        return death
    return replace(death, by=record.by.value, reason=record.reason)
