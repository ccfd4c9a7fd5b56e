"""What a test wants of a device, and what a device has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from droidreclaim.errors import UsageError
from droidreclaim.policy.bounds import is_within, parse_bounds
from droidreclaim.session import Phone

_ASK_S = 10.0
_KNOWN = ("sdk", "swap", "root", "page_kib")


@dataclass(frozen=True)
class Facts:
    """What a device has; None for what it does not say."""

    serial: str
    model: str | None
    sdk: int | None
    root: bool
    swap: bool
    page_kib: int | None

    def __str__(self) -> str:
        root, swap = ("root" if self.root else "no root"), ("swap" if self.swap else "no swap")
        pages = f"{self.page_kib or '?'} KiB pages"
        return (
            f"{self.serial} ({self.model or '?'}): SDK {self.sdk or '?'}, {root}, {swap}, {pages}"
        )


def facts_of(phone: Phone) -> Facts:
    """Ask a device what it has; the search for root may ask a question on its screen, once."""
    root = phone.way_if_any() is not None
    info = phone.info
    pages = _answer_of(phone, "getconf", "PAGE_SIZE") if info.page_bytes is None else ""
    page_bytes = info.page_bytes or (int(pages) if pages.isdecimal() and len(pages) < 9 else None)
    swaps = _answer_of(phone, "cat", "/proc/swaps").splitlines()
    return Facts(
        phone.serial,
        info.model,
        info.sdk,
        root,
        len(swaps) > 1,
        page_bytes // 1024 if page_bytes else None,
    )


def _answer_of(phone: Phone, *words: str) -> str:
    """What a command prints; nothing where it fails: the device has other facts to tell."""
    done = phone.device.run(words, timeout_s=_ASK_S)
    return done.stdout.decode("utf-8", "replace").strip() if done.exit_code == 0 else ""


def check(wants: Mapping[str, Any]) -> None:
    """
    Check the words of ``@pytest.mark.droid(...)``.

    Raises:
        UsageError: a word that is not known, or a value that makes no sense.
    """
    for name, value in wants.items():
        if name not in _KNOWN:
            raise UsageError(f"droid: no {name!r}", hint=f"there are {', '.join(_KNOWN)}")
        if name in ("swap", "root") and not isinstance(value, bool):
            raise UsageError(f"droid: {name}={value!r}", hint="True or False")
        if name == "page_kib" and not (isinstance(value, int) and value > 0):
            raise UsageError(f"droid: page_kib={value!r}", hint="4 or 16")
        if name == "sdk":
            parse_bounds(value, "droid: sdk")


def meets(facts: Facts, wants: Mapping[str, Any]) -> bool:
    """Whether a device has all of what is wanted."""
    has = {"swap": facts.swap, "root": facts.root, "page_kib": facts.page_kib}
    alike = all(has[name] == value for name, value in wants.items() if name != "sdk")
    if "sdk" not in wants:
        return alike
    sdk = facts.sdk
    return alike and sdk is not None and is_within(sdk, parse_bounds(wants["sdk"]))
