"""What only the pocket phone can do: install test apps, play for scores, check every page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from droidreclaim.errors import DroidReclaimError, ParseError
from droidreclaim.parse.activity.launch import Launch
from droidreclaim.records import read_json
from droidreclaim.session import Phone
from droidreclaim.session.app import run
from droidreclaim.units import MIB

# A storm's apps are away for some seconds. Android waits ten to freeze one, and mmd longer.
_WRITE_BACK_SOON = (
    ("device_config", "put", "activity_manager_native_boot", "freeze_debounce_timeout", "0"),
    ("setprop", "pocket.writeback_after_s", "1"),
)


class BadPages(DroidReclaimError):
    """An app's memory does not hold what the app wrote, or could not be read."""


@dataclass(frozen=True)
class Hands:
    """
    One pocket phone in use.

    Attributes:
        meanwhile: Called about once a second while a launch is under way.
    """

    phone: Phone
    meanwhile: Callable[[], object]

    def install(self, package: str, heap_bytes: int, seed: int, *, game: bool = False) -> None:
        """Put an app on the phone, its heap in whole MiB; it does not run yet."""
        words = ["pocket", "install", package, str(heap_bytes // MIB), str(seed)]
        self._json([*words, *(["--game"] if game else [])])

    def open(self, component: str) -> Launch:
        """
        Bring an app (``PACKAGE/ACTIVITY``) to the front and wait until it shows.

        Raises:
            ParseError: it cannot be started.
            DeviceError: the phone was lost or did not answer in time.
        """
        package = component.partition("/")[0]
        return self.phone.app(package).open(component, meanwhile=self.meanwhile)

    def tap(self, times: int) -> None:
        """Touch the screen: in the game, that scores."""
        self._run(["sh", "-c", f"for i in $(seq {times}); do input tap 160 240 || exit 1; done"])

    def score(self, package: str) -> tuple[int | None, int | None]:
        """Pid and score of a game; None and None when it does not run."""
        seen = self._json(["pocket", "score", package])
        return seen.get("pid"), seen.get("score")

    def killer(self, on: bool) -> None:
        """Switch lowmemorykiller on or off."""
        self._json(["pocket", "killer", "on" if on else "off"])

    def reuse(self, percent: int) -> None:
        """Set which share of a resume's pages apps that start later use again at the next."""
        self._json(["pocket", "reuse", str(percent)])

    def write_back_soon(self) -> None:
        """Freeze an app as soon as it is cached, and write its zram to flash a second later."""
        for words in _WRITE_BACK_SOON:
            self._run(list(words))

    def compaction(self) -> None:
        """Have ActivityManager compact cached apps by itself, with Android's own throttles."""
        self._run(["device_config", "put", "activity_manager", "use_compaction", "true"])

    def tune_killer(self, settings: Sequence[str]) -> None:
        """Set properties ``ro.lmk.NAME``, given as ``NAME=VALUE``, and have lmkd go by them."""
        for setting in settings:
            name, _, value = setting.partition("=")
            self._run(["setprop", f"ro.lmk.{name}", value])
        if settings:
            self._run(["setprop", "lmkd.reinit", "1"])

    def verify_and_stop(self, packages: Sequence[str], *, timeout_s: float) -> list[dict[str, Any]]:
        """
        Have one app after the other read and check all its pages; returns a row a process.

        Each app is ended after its check, to make room for the next: together they may not fit.
        """
        script = 'for app in "$@"; do pocket verify "$app"; am force-stop "$app"; done'
        found = self.phone.device.run(["sh", "-c", script, "sh", *packages], timeout_s=timeout_s)
        documents = [_document("pocket verify", line) for line in found.text.splitlines()]
        return [row for document in documents for row in document["processes"]]

    def tally(self) -> dict[str, int]:
        """Read what the phone's apps counted since boot, in the words of ``pocket tally``."""
        return dict(self._json(["pocket", "tally"]))

    def _run(self, words: list[str]) -> str:
        return run(self.phone.device, words)

    def _json(self, words: list[str]) -> dict[str, Any]:
        return _document(" ".join(words), self._run(words))


def _document(source: str, text: str) -> dict[str, Any]:
    try:
        return read_json(text.encode(), dict[str, Any])
    except ValueError:
        raise ParseError(source, 1, text) from None
