"""Our programs on one device: started when something needs them, ended with the session."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Self

from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.root import RootWay
from droidreclaim.errors import NotPossible, NotRoot
from droidreclaim.helper.connect import POCKET_PHONE, RunningHelper, connect_as_shell
from droidreclaim.inspect import apps
from droidreclaim.model import DeviceInfo
from droidreclaim.session.root import Search, start_rooted
from droidreclaim.snapshot import Member, Snapshot

if TYPE_CHECKING:
    from droidreclaim.inspect.headroom import LiveBasis

_log = logging.getLogger("droidreclaim")


class Programs:
    """A device and our programs on it: the base of `Phone`."""

    def __init__(self, device: AdbDevice, search: Search, *, timeout_s: float) -> None:
        self._device = device
        self._search = search
        self.watch = False  # see droidreclaim.helper.connect.connect
        self._timeout_s = timeout_s
        self._started: tuple[RootWay, RunningHelper] | None = None
        self._others: list[RunningHelper] = []
        self._shell: RunningHelper | None = None
        self._basis: LiveBasis | None = None
        self._info: DeviceInfo | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Phone {self.serial}>"

    def close(self) -> None:
        """End our sessions with the device; the next method that needs one starts it again."""
        programs = [self._started[1]] if self._started else []
        programs += [self._shell] if self._shell else []
        for program in (*programs, *self._others):
            program.session.close()
        self._started, self._shell, self._others = None, None, []

    # Which device

    @property
    def serial(self) -> str:
        """Serial as adb prints it."""
        return self._device.serial

    @property
    def source(self) -> str:
        """Where its numbers come from: ``phone`` (the pocket phone) or ``device``."""
        if self._started is not None:
            return self._started[1].source
        return "phone" if self.model == POCKET_PHONE else "device"

    @property
    def model(self) -> str | None:
        """Model in adb's words, known before anything is asked; None when adb does not say."""
        return self._device.model.replace("_", " ") if self._device.model else None

    @property
    def info(self) -> DeviceInfo:
        """What names the device: serial, model, SDK, ABI, kernel, page size (None without root)."""
        if self._info is None:
            running = self._started[1] if self._started else self._shell
            if running is not None:
                self._info = apps.device_info(running)
            else:
                from droidreclaim.helper.shell_info import device_info_without_root

                self._info = device_info_without_root(self._device, timeout_s=self._timeout_s)
        return self._info

    # For the rooms above this one; no part of the public API

    @property
    def device(self) -> AdbDevice:
        """The device itself, for commands of its shell."""
        return self._device

    def another(self) -> Self:
        """The same device with sessions of its own, for another thread; close it."""
        return type(self)(self._device, self._search, timeout_s=self._timeout_s)

    @property
    def timeout_s(self) -> float:
        """Deadline in seconds of each step."""
        return self._timeout_s

    @property
    def helper(self) -> RunningHelper:
        """The helper, started when it is not; raises NotPossible without root."""
        return self.start()[1]

    @property
    def reader(self) -> RunningHelper:
        """
        The helper as root, or where there is no root as the adb shell, for what only reads.

        Raises:
            NotPossible: the device runs no program of the shell's either; the hint says why.
        """
        try:
            return self.helper
        except NotRoot as error:
            if self._shell is not None:
                return self._shell
            try:
                self._shell = connect_as_shell(self._device, timeout_s=self._timeout_s)
            except NotPossible as refused:
                hint = f"nor as the shell: {refused}".replace(f"{self.serial}: ", "")
                raise NotPossible(error.message, hint=hint) from refused
            _log.info("%s; the helper runs as the adb shell", error.message)
            return self._shell

    @property
    def way(self) -> RootWay:
        """The way to root; raises NotPossible where there is none."""
        if self._started is not None:
            return self._started[0]
        return self._search.recall_or_find()

    def way_if_any(self) -> RootWay | None:
        """The way to root, or None."""
        try:
            return self.way
        except NotPossible:
            return None

    @property
    def rooted(self) -> bool:
        """Whether the helper runs as root."""
        return self._started is not None

    @property
    def helper_runs(self) -> bool:
        """Whether the helper was started and not closed, as root or as the shell."""
        return self._started is not None or self._shell is not None

    def start(self) -> tuple[RootWay, RunningHelper]:
        """Become root and start the helper, unless it runs; raises as `connect`."""
        if self._started is None:
            self._started = self._start("helper")
            if self._started[1].journal_left:
                from droidreclaim.session import changes

                changes.restore(self._device)
        return self._started

    def start_program(self, kind: str) -> RunningHelper:
        """A session with another program than the helper (``guard``), which ends with ours."""
        self._others.append(self._start(kind)[1])
        return self._others[-1]

    def start_reader(self) -> RunningHelper:
        """
        Start another helper that only reads, as root or else as the shell; the caller closes it.

        Raises:
            NotPossible: the device runs no program of ours.
        """
        if self.way_if_any() is not None:
            return self._start("helper")[1]
        return connect_as_shell(self._device, timeout_s=self._timeout_s)

    def snapshot(self, *, states: bool = False) -> Snapshot:
        """All processes with their packages; without a helper, those that ActivityManager lists."""
        try:
            helper = self.reader
        except NotPossible as error:
            from droidreclaim.inspect.states import processes_without_root

            seen = processes_without_root(self._device, timeout_s=self._timeout_s)
            _log.info("%s; root would add memory, native and system processes", error)
            return seen
        if states or helper is self._shell:  # only root reads packages.list; the dump has packages
            from droidreclaim.inspect.states import processes_with_states

            self._info, seen = processes_with_states(
                helper, self._device, timeout_s=self._timeout_s
            )
        else:
            self._info, seen = apps.processes(helper, self._owners)
        return seen

    def _owners(self) -> dict[int, Member]:
        from droidreclaim.inspect.states import owners

        return owners(self._device, timeout_s=self._timeout_s)

    def _start(self, kind: str) -> tuple[RootWay, RunningHelper]:
        return start_rooted(self._search, timeout_s=self._timeout_s, kind=kind, watch=self.watch)
