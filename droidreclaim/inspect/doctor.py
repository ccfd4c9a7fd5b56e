"""What a device can do and what stands in the way: one look, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from droidreclaim.device import Device, console, host
from droidreclaim.device.root import RootWay
from droidreclaim.device.server import Server
from droidreclaim.errors import NotPossible, ParseError, UsageError
from droidreclaim.files import read_bytes
from droidreclaim.helper import verbs
from droidreclaim.helper.bundle import load_bundle
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.inspect.ask import Answer, ask_device
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.checks import Facts, device_checks
from droidreclaim.inspect.emulator_checks import entries_of
from droidreclaim.inspect.killers import COMMANDS as KILLER_COMMANDS
from droidreclaim.inspect.killers import facts_of, facts_of_capture, properties_of_capture
from droidreclaim.inspect.limits import STATUS
from droidreclaim.model.check import Check
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.kills.remarks import read_remarks
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_pressure
from droidreclaim.parse.proc.swap import parse_swaps
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.text.bugreport import Captured, Kind
from droidreclaim.parse.text.lines import log_lines
from droidreclaim.parse.text.sections import split_activity_dump

_MOST_CONFIG_BYTES = 1 << 20
_COMMANDS = {
    "props": "getprop",
    "kernel": "uname -r",
    "page": "getconf PAGE_SIZE",
    "selinux": "getenforce",
    "meminfo": "cat /proc/meminfo",
    "swaps": "cat /proc/swaps",
    "psi": "cat /proc/pressure/memory",
    "zram": "grep -H '' /sys/block/zram*/comp_algorithm /sys/block/zram*/backing_dev "
    "/sys/block/zram*/mm_stat /sys/block/zram*/disksize /sys/block/zram*/bd_stat "
    "/sys/block/zram*/recomp_algorithm 2>/dev/null; true",
    **{name: KILLER_COMMANDS[name] for name in ("lmkd", "lmk-mode", "lmk-driver", "lmk-adj")},
    "am-settings": "dumpsys activity settings",
    "limiter": STATUS,
    "freezer": "settings get global cached_apps_freezer",
    "process_reclaim": "cat /sys/module/process_reclaim/parameters/enable_process_reclaim",
    "hybridswap": "ls -d /sys/block/zram*/hybridswap* /dev/memcg/memory.force_swapout "
    "2>/dev/null | grep .",
    "rtmm": "ls -d /sys/module/rtmm /proc/rtmm /sys/kernel/mm/rtmm 2>/dev/null | grep .",
    "damon_reclaim": "cat /sys/module/damon_reclaim/parameters/enabled",
    "mglru-on": "cat /sys/kernel/mm/lru_gen/enabled",
    "mglru": "cat /sys/kernel/mm/lru_gen/min_ttl_ms",
}
# Of these, what says who else moves or kills apps: it must not differ in a comparison.
_NAMES = ("props", "kernel", "lmk-driver", "am-settings", "freezer", "process_reclaim")
INTERFERING = {
    name: _COMMANDS[name]
    for name in (*_NAMES, "hybridswap", "rtmm", "damon_reclaim", "mglru", "mglru-on")
} | {"zram-backing": "cat /sys/block/zram*/backing_dev 2>/dev/null | grep -v '^none$'"}
# Of a phone's thousand properties those that matter for memory; the others name its owner.
_SHOWN_PROPERTIES = (
    "ro.lmk.", "persist.device_config.lmkd_native.", "sys.lmk.", "ro.build.version.",
    "ro.build.type", "ro.product.", "ro.config.low_ram", "ro.zram", "persist.sys.zram",
    "mmd.", "persist.mmd.",
    "dalvik.vm.heap", "ro.zygote", "persist.device_config.activity_manager",
)  # fmt: skip


def of_device(
    device: Device,
    open_helper: Callable[[], tuple[RootWay, RunningHelper]],
    open_reader: Callable[[], RunningHelper],
    *,
    timeout_s: float,
) -> tuple[Facts, tuple[Check, ...]]:
    """
    Look at *device*, as root where *open_helper* can become it, else as what *open_reader* gives.

    Raises:
        DeviceError: the device was lost, or does not answer.
    """
    trip_s = host.round_trip_s(device, timeout_s)
    facts = Facts({}, trip_s=trip_s, helper_abis=tuple(load_bundle().helpers))
    way = None
    try:
        way, helper = open_helper()
        with helper:
            replies = helper.session.call_all([verbs.HELLO, verbs.PROBE, verbs.SCAN])
        facts = replace(
            facts,
            root=way.value,
            hello=verbs.hello_of(replies[0]),
            backends=verbs.backends_of(replies[1]),
            guards=verbs.guards_of(verbs.scan_of(replies[2])),
        )
    except NotPossible as error:
        facts = replace(facts, no_root=str(error).removeprefix(f"{device.serial}: "))
        facts = _as_shell(facts, open_reader)
    answers = ask_device(device, _COMMANDS, way, timeout_s=timeout_s)
    properties = answers["props"].read(parse_getprop)
    killers = facts_of(answers, properties)
    facts = replace(facts, answers=answers, properties=properties, killers=killers)
    facts = replace(facts, avd=_avd_of(device.serial, properties))
    return facts, tuple(device_checks(facts))


def _avd_of(serial: str, properties: Mapping[str, str]) -> Mapping[str, str] | None:
    """
    What the AVD of an emulator on this machine asks for.

    Behind the adb server of another machine stands an emulator with the same serial: then the
    console here names another AVD than the device does, or none.
    """
    name = properties.get("ro.boot.qemu.avd_name") or properties.get("ro.kernel.qemu.avd_name")
    if not serial.startswith("emulator-") or not name or console.avd_name(serial) != name:
        return None
    folder = console.avd_folder(serial)
    if folder is None:
        return None
    try:
        text = read_bytes(folder / "config.ini", _MOST_CONFIG_BYTES).decode("utf-8", "replace")
    except (OSError, UsageError):
        return None
    return entries_of(text)


def _as_shell(facts: Facts, open_reader: Callable[[], RunningHelper]) -> Facts:
    """What the helper sees without root."""
    try:
        with open_reader() as helper:
            replies = helper.session.call_all([verbs.HELLO, verbs.SCAN])
    except NotPossible as error:
        return replace(facts, no_shell=error.hint or str(error))
    scan = verbs.scan_of(replies[1])
    return replace(facts, hello=verbs.hello_of(replies[0]), shell_scan=scan)


def of_capture(path: Path) -> tuple[Facts, tuple[Check, ...]]:
    """
    What captured text says about a device; most checks are unknown then.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds nothing the doctor looks at.
    """
    wanted = frozenset({kind for kind, _ in _READERS.values()} | _OTHER_KINDS)
    capture = read_capture(path, wanted, Kind.PROPERTIES)
    texts = {name: capture.readable(*reader) for name, reader in _READERS.items()}
    texts["am-settings"], texts["kernel"] = _settings(capture), capture.kernel
    properties = properties_of_capture(capture)
    logs = capture.pieces(Kind.LOG, Kind.KERNEL_LOG)
    if not (any(texts.values()) or properties or logs or capture.pieces(Kind.PS)):
        hint = "nothing that the doctor looks at can be read"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *capture.left_out[:3]]))
    facts = Facts(
        {name: Answer(text, 0) for name, text in texts.items() if text},
        properties=properties,
        killers=facts_of_capture(capture, properties),
        remarks=read_remarks(line for piece in logs for line in log_lines(piece.text)),
        has_log=bool(logs),
        left_out=tuple(capture.left_out),
    )
    return facts, tuple(device_checks(facts))


_READERS: Mapping[str, tuple[Kind, Callable[[str], object]]] = {
    "meminfo": (Kind.MEMINFO, parse_meminfo),
    "swaps": (Kind.SWAPS, parse_swaps),
    "psi": (Kind.PRESSURE, parse_pressure),
    "props": (Kind.PROPERTIES, parse_getprop),
}
_OTHER_KINDS = {Kind.ACTIVITY, Kind.PS, Kind.LOG, Kind.KERNEL_LOG}


def look_here(server: Server, timeout_s: float) -> host.Host:
    """The near side of the cable."""
    return host.describe(server, timeout_s)


def raw_texts(facts: Facts) -> dict[str, str]:
    """What the device said word for word, for a report; of its properties only those of memory."""
    texts = {name: answer.text for name, answer in facts.answers.items() if name != "props"}
    shown = {
        key: value for key, value in facts.properties.items() if key.startswith(_SHOWN_PROPERTIES)
    }
    texts["props"] = "\n".join(f"[{key}]: [{value}]" for key, value in sorted(shown.items()))
    return texts


def secrets_of(facts: Facts, serial: str | None) -> list[str]:
    """What names this one device: its serial, wherever it stands."""
    named = ("ro.serialno", "ro.boot.serialno", "persist.sys.device_name", "net.hostname")
    own = [facts.properties.get(name, "") for name in named]
    return [one for one in (serial or "", (serial or "").partition(":")[0], *own) if one]


def _settings(capture: Captured) -> str | None:
    for piece in capture.pieces(Kind.ACTIVITY):
        try:
            settings = split_activity_dump(piece.text).get("settings")
        except ParseError:
            continue
        if not settings:
            continue
        try:
            parse_settings(settings)
        except ParseError as error:
            capture.left_out.append(f"{piece.name}: {error}"[:300])
        else:
            return settings
    return None
