"""What a report may carry of the doctor's own lines, whose facts have a device's words in them."""

from __future__ import annotations

import re

from droidreclaim.model.check import Check
from droidreclaim.report.redact import (
    ALGORITHM,
    AREA,
    ERRNO,
    LEFT_OUT,
    NUMBER,
    SETTING,
    SIZE,
    SWITCH,
    ZRAM,
    Shape,
    fitted,
    kernel_release,
)

# Models in the forms that makers number them by, or that AOSP has; a name of anybody's is none.
_MODEL = (
    r"(?:Pixel [1-9][0-9]?a?(?: (?:Pro|XL|Fold|Pro XL|Pro Fold))?|Nexus [4-9]P?X?|Pocket Phone"
    r"|sdk_gphone(?:64)?(?:16k)?_(?:x86|x86_64|arm64|arm)"
    r"|Android SDK built for (?:x86|x86_64|arm64)"
    r"|AOSP on (?:x86|x86_64|ARM64|ARM Emulator|IA Emulator)|SM-[A-Z][0-9]{3}[A-Z0-9]{0,2}"
    r"|CPH[0-9]{4}|RMX[0-9]{4}|V[0-9]{4}A?|LM-[A-Z][0-9]{3}|ONEPLUS A[0-9]{4}"
    r"|M20[0-9]{2}J[0-9]{1,2}[A-Z]{1,3})"
)
_UNKNOWN = rf"{ERRNO}|exit [0-9]{{1,3}}|not in the capture"
_USED = rf"{SIZE} of {SIZE} used"
_PEOPLE = rf"{NUMBER} process(?:es)?"
_ABI = "arm64-v8a|armeabi-v7a|x86_64|x86|riscv64|armeabi"
_SOURCE = rf"(?:default|ro\.lmk\.{SETTING}|persist\.device_config\.lmkd_native\.{SETTING})"
_NO_ROOT = re.compile(
    r"no root|su: not found|(?:adbd|su -c|su 0|su root -c): (?:uid [0-9]{1,6}|uid 0 without"
    r" CAP_[A-Z_, ]{1,60}|no answer within [0-9]{1,3} s)|adbd: uid [0-9]{1,6}"
)
_BACKENDS = (
    r"(?:pidfd_open|process_madvise|pageout|willneed|proc_reclaim|memory_reclaim|psi_trigger"
    r"|pagemap|am_compact|trim)"
)
_WHY = (
    rf"(?:works|{ERRNO}|nothing moved|not on itself|memory\.reclaim of its cgroup"
    r"|no pagemap to see whether the page left|does not tell which pages are one's own"
    r"|/proc/self/reclaim|/proc/pressure/memory|/proc/self/pagemap)"
)


def _shapes(*pairs: str | tuple[str, str]) -> tuple[Shape, ...]:
    split = ((one, None) if isinstance(one, str) else one for one in pairs)
    return tuple((re.compile(pattern, re.DOTALL), rewrite) for pattern, rewrite in split)


_FACTS = {
    "adb": _shapes(
        "no adb program found",
        (r".*, version ([0-9]{1,2}(?:\.[0-9]{1,2}){2})(?:-.*)?", r"<path>, version \1"),
    ),
    "adb server": _shapes(
        ("no .* runs", "none runs"),
        (r".*, (protocol [0-9]{1,3}(?:; the adb program has [0-9]{1,3})?)", r"\1"),
    ),
    "round trip": _shapes(r"[0-9]{1,6}\.[0-9] ms"),
    "android": _shapes(
        rf"{_MODEL}, Android [0-9]{{1,2}}(?:\.[0-9]){{0,2}} \(SDK [0-9]{{1,2}}\)",
        (r".*, (Android [0-9]{1,2}(?:\.[0-9]){0,2} \(SDK [0-9]{1,2}\))", r"<model>, \1"),
        (r".* \((SDK [0-9]{1,2})\)", r"\1"),
        "no release in the properties",
    ),
    "booted": _shapes("yes|not yet"),
    "abi": _shapes(_ABI),
    "page size": _shapes(r"[0-9]{4,5} bytes|\?"),
    "helper as shell": _shapes(
        rf"sees only {_PEOPLE}: hidepid|reads the memory of {_PEOPLE}|not tried",
        rf"{_PEOPLE}, {NUMBER} of them unreadable: (?:{ERRNO}|\?)",
    ),
    "selinux": _shapes(
        r"(?:enforcing|permissive|disabled)(?:, helper as u:r:(?:shell|su|magisk|ksu|init):s0)?",
        (r"(enforcing|permissive|disabled), helper as .*", r"\1"),
    ),
    "emulator image": _shapes((r"((?:user|userdebug|eng|unknown) build).*", r"\1")),
    "emulator RAM": _shapes(
        rf"has {SIZE}(?:; what was asked for is not known here| of {SIZE} asked for)"
        rf"|hw\.ramSize asks for {SIZE}, it has {SIZE}"
    ),
    "low-RAM device": _shapes(r"ro\.config\.low_ram is true \(2 GB and less\)"),
    "ram": _shapes(rf"{SIZE}, (?:{SIZE}|\?) available"),
    "swap": _shapes(
        rf"none|{AREA}: (?:on flash, )?{_USED}|{_USED}, by meminfo",
        (rf".*: ((?:on flash, )?{_USED})", r"<path>: \1"),
    ),
    "zram algorithm": _shapes(rf"{ZRAM}: {ALGORITHM} of {ALGORITHM}(?: {ALGORITHM}){{0,9}}"),
    "zram writeback": _shapes((rf"({ZRAM}: to ).*", r"\1<path>")),
    "psi": _shapes(r"full avg10 [0-9]{1,3}\.[0-9]{2} %|some only"),
    "backends": _shapes("not tried: that takes the helper, and so root"),
    "page-out": _shapes("none of the backends works"),
    "guard": _shapes(rf"seeing one takes root|none runs|runs, pid {NUMBER}(?:, {NUMBER}){{0,3}}"),
    "lowmemorykiller": _shapes(
        rf"kernel driver, minfree (?:{NUMBER}(?:,{NUMBER}){{0,5}}|not readable)"
    ),
    "lmkd": _shapes(rf"runs(?:, pid {NUMBER})?|does not run"),
    "killer": _shapes(
        rf"lmkd psi (?:new|old): use_new_strategy={SWITCH} \({_SOURCE}\)",
        (r"(kernel driver|lmkd psi new|lmkd psi old|none|not known): .*", r"\1"),
    ),
    "am compact": _shapes(r"use_compaction=(?:true|false)|not in this release"),
    "freezer": _shapes(
        rf"(?:on|off|unknown to this release)(?:, {NUMBER} apps? frozen)?"
        r"(?:, set to (?:enabled|disabled|device_default) by hand)?"
    ),
    "cached limit": _shapes(rf"ActivityManager kills cached apps above {NUMBER}"),
    "vendor reclaimers": _shapes("none found"),
    "mglru": _shapes("(?:on, |off, )?min_ttl_ms [0-9]{1,7}"),
    "memory limiter": _shapes(
        rf"(?:on|off|not known to be on)"
        rf"(?:; an app behind has (?:{SIZE} of memory and )?{SIZE} of swap)?"
    ),
    "zram in flash": _shapes(
        rf"{ZRAM}: {SIZE} of swap lies there, {SIZE} written and {SIZE} read back since boot"
    ),
    "zram recompression": _shapes((rf"({ZRAM}): .*", r"\1: <algorithms>")),
    "mmd": _shapes(
        r"(?:(?:persist\.)?mmd\.[a-z_.]{1,60}=(?:true|false|[0-9]{1,12})(?:, )?){1,8}"
        r"(?: and [0-9]{1,3} more)?",
        (".*", "there"),
    ),
    "log": _shapes("nothing about zram, swap errors or the freezer"),
    **{
        name: _shapes(r"there, off|there: [01YN]", ("there: .*", "there"))
        for name in ("process_reclaim", "hybridswap", "rtmm", "damon_reclaim")
    },
    **{
        f"log {what}": _shapes(
            rf"(?:zram found no memory for a page|a page could not be written to swap"
            rf"|a page could not be read back from swap"
            rf"|an app was frozen|a frozen app was called): {NUMBER} lines?"
        )
        for what in (
            "zram no memory",
            "swap write error",
            "swap read error",
            "frozen",
            "frozen transaction",
        )
    },
}
_BACKEND_NAME = re.compile(rf"backend {_BACKENDS}")
_BACKEND = _shapes(rf"{_WHY}(?:, {_WHY})?(?:: not needed, {_BACKENDS} works)?")
_SETTING_NAME = re.compile(rf"lmkd {SETTING}")
_SETTING_FACT = _shapes(rf"(?:{SWITCH}|-?{NUMBER}) \({_SOURCE}\)")


def carried_check(check: Check) -> str:
    """A check's line as a report may carry it; only a device's *todo* is not this program's."""
    name, fact = _name_and_fact(check)
    todo = f"  -> {check.todo}" if check.todo and name != "device" else ""
    return f"{check.state.value:8}{name}: {fact}{todo}"


def _name_and_fact(check: Check) -> tuple[str, str]:
    if check.name == "kernel":
        return check.name, fitted(check.fact, _shapes(_UNKNOWN)) or kernel_release(check.fact)
    if check.name == "root":
        return check.name, _root(check.fact)
    if check.name in _FACTS:
        shapes = (*_FACTS[check.name], *_shapes(_UNKNOWN))
        return check.name, fitted(check.fact, shapes) or LEFT_OUT
    if check.name.startswith("backend "):
        name = check.name if _BACKEND_NAME.fullmatch(check.name) else "backend"
        return name, fitted(check.fact, _BACKEND) or LEFT_OUT
    if check.name.startswith("lmkd "):
        name = check.name if _SETTING_NAME.fullmatch(check.name) else "lmkd of the maker's"
        return name, fitted(check.fact, _SETTING_FACT) or LEFT_OUT
    return ("device" if check.name == "device" else "check"), LEFT_OUT


def _root(fact: str) -> str:
    if fact in ("adbd", "su -c", "su 0", "su root -c"):
        return fact
    reasons = [one.removeprefix("no root: ") for one in fact.split("; ")]
    kept = [one for one in reasons if _NO_ROOT.fullmatch(one)]
    return "; ".join([*kept, *([LEFT_OUT] if len(kept) < len(reasons) else [])])
