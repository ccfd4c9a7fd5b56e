"""Who reads the screen: what is bounded of a library, and what is waited for at its end."""

from __future__ import annotations

import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import pytest

from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.attached import Attached
from droidreclaim.device.server import Server
from droidreclaim.qa import screen
from droidreclaim.qa.stage import StepFailed
from droidreclaim.qa.ui import Uiautomator2, within
from droidreclaim.session import Phone


def test_a_screen_that_is_never_told_is_asked_for_once() -> None:
    class Silent:
        asked = 0

        def hierarchy(self) -> str:
            self.asked += 1
            within(0.05, threading.Event().wait)
            return ""

        def rest(self) -> None: ...

    ui = Silent()
    until_s = time.monotonic() + 0.01
    with pytest.raises(StepFailed, match=r"uiautomator2 did not answer within 0\.05 s"):
        screen.awaited(ui, "com.example.game", lambda views: True, until_s)
    assert ui.asked == 1


def test_what_a_library_raises_arrives_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        within(60.0, lambda: 1 // 0)
    assert within(60.0, lambda: 5) == 5


class Library(ModuleType):
    """A stand-in of uiautomator2 whose start lasts until the test says so."""

    def __init__(self) -> None:
        super().__init__("uiautomator2")
        self.starting, self.go = threading.Event(), threading.Event()
        self.stopped = False

    def connect(self, device: object) -> SimpleNamespace:
        self.starting.set()
        self.go.wait(60)
        return SimpleNamespace(dump_hierarchy=lambda: "<x/>", stop_uiautomator=self.stop)

    def stop(self) -> None:
        self.stopped = True


def test_an_end_in_the_middle_of_the_start_waits_for_it_and_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library, errors = Library(), ModuleType("uiautomator2.exceptions")
    errors.BaseException = type("Failure", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uiautomator2", library)
    monkeypatch.setitem(sys.modules, "uiautomator2.exceptions", errors)
    device = AdbDevice(Server(), Attached("R58M12", "device", None, None))
    ui = Uiautomator2(Phone(device, None, timeout_s=5.0))
    asking = threading.Thread(target=ui.hierarchy, daemon=True)
    asking.start()
    assert library.starting.wait(60)
    ending = threading.Thread(target=ui.rest, daemon=True)
    ending.start()
    ending.join(0.2)  # a rest that does not wait is over by now
    library.go.set()
    asking.join(60)
    ending.join(60)
    assert library.stopped
