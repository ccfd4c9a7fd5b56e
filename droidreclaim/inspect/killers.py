"""Which killers of processes a device has: asked of the device, or read from captured text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from droidreclaim.inspect.ask import Answer
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.text.bugreport import Captured, Kind
from droidreclaim.policy.killer import KillerFacts, driver_levels
from droidreclaim.policy.lmkd_settings import sdk_of_release

_DRIVER = "/sys/module/lowmemorykiller/parameters"
COMMANDS = {
    "lmkd": "pidof lmkd",
    "lmk-mode": f"ls -l {_DRIVER}/minfree",
    "lmk-driver": f"cat {_DRIVER}/minfree",
    "lmk-adj": f"cat {_DRIVER}/adj",
    "psi": "cat /proc/pressure/memory",
    "kernel": "uname -r",
}

# "-rw-rw-r-- 1 root system 4096 2026-11-28 00:00 minfree", a dot after it with SELinux
_WRITABLE = re.compile(r"-(?:.w.......|....w....)")
_RUNNING, _ENDED = ("running",), ("stopped", "stopping", "restarting")
_KERNEL_VERSION = "ro.kernel.version"  # "5.10"; Android 12 and later
_OWN_SERVICE = "init.svc.lmkd"
_PS_ROW = re.compile(r"^.{0,400}[ /]lmkd\s*$", re.MULTILINE)
_PS_INIT = re.compile(r"^.{0,400}[ /]init\s*(?:second_stage)?\s*$", re.MULTILINE)
# "Build fingerprint: 'google/redfin/redfin:12/SQ3A.220705.003/8671607:user/release-keys'"
_RELEASE = re.compile(r"[^:]{1,200}:(?P<release>[0-9]{1,2}(?:\.[0-9]{1,2}){0,2})/")


def facts_of(answers: Mapping[str, Answer], properties: Mapping[str, str]) -> KillerFacts:
    """What the answers to `COMMANDS` say; what the shell may not see is unknown."""
    levels = [answers[name].text if answers[name].ok else "" for name in ("lmk-driver", "lmk-adj")]
    return KillerFacts(
        lmkd=_runs(answers.get("lmkd"), properties),
        driver=_driver(answers.get("lmk-mode")),
        driver_levels=driver_levels(*levels),
        psi=_exists(answers.get("psi")),
        kernel=answers["kernel"].text.strip() or None if answers["kernel"].ok else None,
        properties=bool(properties),
    )


def _runs(answer: Answer | None, properties: Mapping[str, str]) -> bool | None:
    """
    Whether lmkd lives, by its pid, else by what init says of the service.

    One that init starts over and over is not living, even when it has a pid at the moment.
    """
    state = properties.get(_OWN_SERVICE)
    if state == "restarting":
        return False
    if answer is not None and answer.ok and answer.text.split()[0].isdecimal():
        return True
    if answer is not None and answer.exit_code == 1 and not answer.text.strip():
        return False
    return _of_service(state)


def _of_service(state: str | None) -> bool | None:
    return True if state in _RUNNING else False if state in _ENDED else None


def _driver(answer: Answer | None) -> bool | None:
    """
    Whether the driver's levels are there for lmkd to write: its own test, by the mode.

    Root may write any file, and the shell none of these, so to try proves nothing.
    """
    if answer is None:
        return None
    if answer.ok:
        return _WRITABLE.match(answer.text.strip()) is not None
    return False if answer.errno == "ENOENT" else None


def _exists(answer: Answer | None) -> bool | None:
    """Whether a file exists: one that may not be read does."""
    if answer is None:
        return None
    if answer.ok or answer.errno in ("EACCES", "EPERM"):
        return True
    return False if answer.errno in ("ENOENT", "EOPNOTSUPP") else None


def properties_of_capture(capture: Captured) -> dict[str, str]:
    """The properties in a capture; the release from the fingerprint where there are none."""
    listed = capture.readable(Kind.PROPERTIES, parse_getprop)
    properties = dict(parse_getprop(listed)) if listed else {}
    fingerprint = properties.get("ro.build.fingerprint") or capture.fingerprint or ""
    found = _RELEASE.match(fingerprint)
    sdk = sdk_of_release(found["release"]) if found else 0
    if found and sdk and not properties.get("ro.build.version.sdk"):
        properties["ro.build.version.sdk"] = str(sdk)
        properties.setdefault("ro.build.version.release", found["release"])
    return properties


def facts_of_capture(capture: Captured, properties: Mapping[str, str]) -> KillerFacts:
    """What captured text says of the killers; no report has the driver's levels."""
    return KillerFacts(
        lmkd=_runs_in_capture(capture, properties),
        psi=True if capture.text(Kind.PRESSURE) else None,
        kernel=capture.kernel or properties.get(_KERNEL_VERSION),
        properties=bool(capture.text(Kind.PROPERTIES)),
    )


def _runs_in_capture(capture: Captured, properties: Mapping[str, str]) -> bool | None:
    said = _of_service(properties.get(_OWN_SERVICE))
    if said is not None:
        return said
    listings = [piece.text for piece in capture.pieces(Kind.PS)]
    if any(_PS_ROW.search(text) for text in listings):
        return True
    return False if any(_PS_INIT.search(text) for text in listings) else None
