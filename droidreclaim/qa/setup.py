"""A scenario's setup: checked here, changed on the device, and undone whatever ends the run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.qa import ui
from droidreclaim.qa.form import InstallForm
from droidreclaim.qa.scenario import Scenario
from droidreclaim.session import Phone
from droidreclaim.session.changes import Changes, Setting

_ANIMATIONS = ("window_animation_scale", "transition_animation_scale", "animator_duration_scale")
_INSTALL_S = 300.0


def require_files(scenario: Scenario, beside: Path) -> None:
    """
    See that what is to be installed or run is there, before a device is touched.

    Raises:
        UsageError: an APK or a flow cannot be read, or there is no Maestro or uiautomator2.
    """
    ui.require(scenario.ui)
    _require_flows([step.maestro.flow for step in scenario.steps if step.maestro], beside)
    for one in scenario.setup:
        if one.install is None:
            continue
        try:
            with (beside / one.install.apk).open("rb") as file:
                head = file.read(2)
        except OSError as error:
            raise UsageError(f"setup: install {one.install.apk}: {error.strerror}") from error
        if head != b"PK":
            raise UsageError(f"setup: install {one.install.apk}: it is no APK")


def _require_flows(flows: list[str], beside: Path) -> None:
    if flows and shutil.which("maestro") is None:
        raise UsageError(
            "step maestro: there is no program maestro on PATH",
            hint="it is not part of droidreclaim: https://docs.maestro.dev",
        )
    for flow in flows:
        if not (beside / flow).exists():
            raise UsageError(f"step maestro: {flow} is not beside the scenario")


class Setup:
    """What a scenario changes on one device; nothing is done before `begin`."""

    def __init__(self, phone: Phone, scenario: Scenario, beside: Path) -> None:
        self._phone = phone
        self._scenario = scenario
        self._beside = beside
        self._changes: Changes | None = None
        self._pushes = False  # a file of uiautomator2, which was not there before

    @contextmanager
    def applied(self) -> Iterator[Setup]:
        """Changed within the block, as it was after it, however it ends."""
        try:
            self.begin()
            yield self
        finally:
            self.end()

    def begin(self, *, again: bool = False) -> None:
        """
        Change what the scenario names; *again* after the device was lost, which undid it.

        Raises:
            NotPossible: the device refuses, in its own words.
            DeviceError: it was lost.
        """
        if not self._scenario.setup and self._scenario.ui is None:
            return
        self._changes = Changes(self._phone.device)
        self._changes.begin(again=again)
        if self._scenario.ui is not None:
            self._pushes = self._changes.will_push_ui(again=self._pushes)
        for one in self._scenario.setup:
            if one.animations:
                for name in _ANIMATIONS:
                    self._changes.put(Setting("global", name, "0"))
            elif one.setting:
                setting = one.setting
                self._changes.put(Setting(setting.table, setting.name, setting.value))
            elif one.install:
                self._install(one.install, self._changes)

    def end(self) -> None:
        """Undo what was changed."""
        if self._changes is not None:
            self._changes.end()
            self._changes = None

    def again(self) -> None:
        """After the device was lost, which undoes everything by itself: change it once more."""
        self.end()
        self.begin(again=True)

    def require_held(self) -> None:
        """
        See that what was changed is still so.

        Raises:
            DeviceLost: the link broke meanwhile, and the device has undone it.
        """
        if self._changes is not None:
            self._changes.require_held()

    def _install(self, what: InstallForm, changes: Changes) -> None:
        device = self._phone.device
        package = what.package or self._scenario.app
        if not changes.will_install(package):
            raise NotPossible(
                f"{device.serial}: setup: {package} is installed already",
                hint="its data would go with it afterwards: uninstall it first, or leave this out",
            )
        data = (self._beside / what.apk).read_bytes()
        words = ["pm", "install", "-S", str(len(data))]  # from stdin, Android 7 and later
        done = device.run(words, timeout_s=_INSTALL_S, stdin=data)
        found = device.run(["pm", "path", package], timeout_s=self._phone.timeout_s)
        if done.exit_code != 0 or not found.text.strip():
            said = f"{done.text.strip()} {done.error_text.strip()}".strip()[-200:]
            raise NotPossible(
                f"{device.serial}: setup: pm install {what.apk}: {said or 'nothing is installed'}",
                hint=f"is it {package}? else name it: install: {{apk: ..., package: ...}}",
            )
