"""The devices that a pytest run may use: those it names, those attached, or pocket phones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from droidreclaim.device.adb import list_devices
from droidreclaim.device.lease import Lease, take
from droidreclaim.device.link import Deadline
from droidreclaim.device.select import Choice, by_avd_name
from droidreclaim.device.server import find_server
from droidreclaim.errors import DeviceError, DroidReclaimError, NoDevice, NotPossible
from droidreclaim.session import connect
from droidreclaim.testing.droid import Droid
from droidreclaim.testing.wants import Facts, facts_of, meets

if TYPE_CHECKING:
    from droidreclaim.lab.phone.state import Phone as PocketPhone

_LIST_S = 10.0


class Unmet(NotPossible):
    """No device has what the test wants; the message says what each one has."""


@dataclass
class Pool:
    """
    The devices of one worker.

    Attributes:
        serials: The devices that were named; empty for all that are attached.
        boot: Whether to boot pocket phones of this worker's own.
        wait_s: How long a test waits for a device that others use.
    """

    serials: tuple[str, ...] = ()
    boot: bool = False
    wait_s: float = 600.0
    _booted: list[PocketPhone] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _facts: dict[str, Facts] = field(default_factory=dict)

    def online(self, count: int = 1) -> tuple[str, ...]:
        """
        Serials that may be leased now; where pocket phones are booted, *count* of them.

        Raises:
            DeviceError: the adb server does not answer.
        """
        if self.boot:
            return self._pocket_phones(count)
        wanted = self._named()
        server = find_server(None, None, os.environ)
        listed = list_devices(server, _LIST_S)
        wanted = tuple(by_avd_name(server, listed, Choice(one)).serial or one for one in wanted)
        attached = [one.serial for one in listed if one.online]
        if wanted:
            there = tuple(one for one in wanted if one in attached)
        else:
            others = _phones_of_others()
            there = tuple(one for one in attached if one not in others)
        self._seen.update(there)
        return there

    def _named(self) -> tuple[str, ...]:
        """The devices to choose from; empty for all that are attached."""
        return self.serials or tuple(filter(None, [os.environ.get("ANDROID_SERIAL")]))

    @contextmanager
    def lease(
        self, count: int = 1, wants: Mapping[str, Any] | None = None
    ) -> Iterator[list[Droid]]:
        """
        Lease *count* devices that meet *wants*, and restore them after the block.

        Waits for a device that is lost and was attached earlier in this run.

        Raises:
            NoDevice: fewer are attached.
            Unmet: fewer meet *wants*.
            DeviceTimeout: others used them for too long, or one that was lost did not come back.
        """
        deadline = Deadline(self.wait_s)
        self._see_that_there_are(count, wants or {})
        while True:
            leases = self._take(count, wants or {}, deadline)
            droids: list[Droid] = []
            try:
                for one in leases:
                    droids.append(Droid(connect(one.serial, root=False), one))
                    droids[-1].adopt()
                break
            except DeviceError:
                give_back(droids, leases)
                if not deadline.left_s() or set(_serials(leases)) <= set(self.online(count)):
                    raise
                # A device vanished between the lease and its first answer: lease again.
            except BaseException:
                give_back(droids, leases)
                raise
        try:
            yield droids
        finally:
            give_back(droids, leases)

    def close(self) -> None:
        """End the pocket phones."""
        if self._booted:
            from droidreclaim.lab.phone import vm  # noqa: PLC0415 (for those who boot one)

            for one in self._booted:
                with suppress(DroidReclaimError):
                    vm.stop(one)
            self._booted.clear()

    def _take(self, count: int, wants: Mapping[str, Any], deadline: Deadline) -> tuple[Lease, ...]:
        return take(lambda: self._fitting(count, wants), count, timeout_s=deadline.left_s())

    def _see_that_there_are(self, count: int, wants: Mapping[str, Any]) -> None:
        there = self.online(count)
        if len({*there, *self._seen}) < count:
            chosen = ", ".join(self._named())
            named = (
                f" of {chosen if self.serials else f'$ANDROID_SERIAL, {chosen}'}" if chosen else ""
            )
            raise NoDevice(
                f"{count} wanted, {len(there)} attached{named}",
                hint="plug one in, start an emulator, or boot pocket phones: --droid-phone",
            )
        lost = self._seen.difference(there)
        if wants and not lost and len(self._fitting(count, wants)) < count:
            wished = ", ".join(f"{name}={value!r}" for name, value in wants.items())
            has = "; ".join(str(self._facts_of(one)) for one in there)
            raise Unmet(f"{count} wanted with {wished}; there is: {has}")

    def _fitting(self, count: int, wants: Mapping[str, Any]) -> Sequence[str]:
        there = self.online(count)
        return [one for one in there if meets(self._facts_of(one), wants)] if wants else there

    def _facts_of(self, serial: str) -> Facts:
        """Return what a device has, asked until it answers once; it has nothing until then."""
        if serial not in self._facts:
            try:
                with connect(serial, root=False) as phone:
                    self._facts[serial] = facts_of(phone)
            except DeviceError:
                return Facts(serial, None, None, root=False, swap=False, page_kib=None)
        return self._facts[serial]

    def _pocket_phones(self, count: int) -> tuple[str, ...]:
        """Boot phones until this worker has *count* of its own that run; returns them all."""
        from droidreclaim.lab.phone import vm  # noqa: PLC0415 (for those who boot one)
        from droidreclaim.lab.phone.state import Config  # noqa: PLC0415

        alive = vm.running()
        self._booted = [one for one in self._booted if one in alive]
        if len(self._booted) < count:
            vm.clean_up()  # after a worker that was killed, whose phone ended with it
        while len(self._booted) < count:
            self._booted.append(vm.start(Config(), die_with_us=True, private=True))
        return tuple(one.serial for one in self._booted)


def _phones_of_others() -> frozenset[str]:
    """Pocket phones that a demo, a storm or another pytest run has booted, and ends."""
    from droidreclaim.lab.phone import vm  # noqa: PLC0415 (for those who name no device)

    return frozenset(one.serial for one in vm.running() if one.private)


def _serials(leases: Sequence[Lease]) -> list[str]:
    return [one.serial for one in leases]


def give_back(droids: Sequence[Droid], leases: Sequence[Lease]) -> None:
    """
    Restore and release all devices, even where one fails.

    Raises:
        Exception: the first device's that could not be restored, with a note on each other.
    """
    failed: list[tuple[str, Exception]] = []
    try:
        for droid in droids:
            try:
                droid.restore()
            except Exception as error:
                failed.append((droid.serial, error))
    finally:
        for one in leases:
            one.release()
    if failed:
        (_, first), *others = failed
        for serial, other in others:
            first.add_note(f"{serial} was not restored either: {other}")
        raise first
