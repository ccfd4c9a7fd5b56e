"""The doctor's judgement: facts in, one line a check out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from droidreclaim.device.host import Host
from droidreclaim.errors import ParseError
from droidreclaim.helper.verbs import Scan
from droidreclaim.helper.wire import Backend, Hello
from droidreclaim.inspect import emulator_checks, system_checks
from droidreclaim.inspect.ask import Answer
from droidreclaim.model.check import Check, CheckState
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.kills.remarks import Remark
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_pressure
from droidreclaim.parse.proc.swap import SwapArea, parse_swaps
from droidreclaim.policy.killer import Found, Killer, KillerFacts, killer_of
from droidreclaim.policy.lmkd_settings import sdk_of, settings_in_force
from droidreclaim.units import format_size, plural

OK, WARN, FAIL, UNKNOWN = CheckState.OK, CheckState.WARN, CheckState.FAIL, CheckState.UNKNOWN

_REMARKS = {
    "zram_no_memory": "zram itself ran out of memory: set a --budget, so that less goes in",
    "swap_write_error": "pages stayed in memory: swap is full, or its backing device failed",
    "swap_read_error": "whoever needed the page got SIGBUS: the device below swap fails",
    "frozen_transaction": "a frozen app is killed for it: these kills are not for memory",
}

_OLDEST_SERVER = 41  # adbutils: older servers lack host services it asks for
_SLOW_TRIP_S = 0.2
_NO_SWAP = "anonymous memory has nowhere to go: only --how cold"
_OLDEST_SDK = 21  # Android 5: what the helper and the parsers are made for
_NO_SHELL = "without it ps has no memory, and there is no footprint"
_SHELL_SEES_LESS = "what the shell may not read is unknown without root"
_ROOT_ADDS = "root adds: page-out, exact memory of every app, dmesg, PSI where the shell may not"

# What moves or kills apps' memory besides us, by what it leaves in the file system (reference:
# vendor kernels); each with what to do before a measurement.
_RECLAIMERS = {
    "process_reclaim": "vendor driver pages out apps by itself: echo 0 into its "
    "enable_process_reclaim while measuring",
    "hybridswap": "vendor swap moves apps between zram and flash by itself: count it as theirs",
    "rtmm": "vendor reclaim by app state: count it as theirs",
    "damon_reclaim": "pages out cold memory system-wide: echo N into its enabled while measuring",
}


@dataclass(frozen=True)
class Facts:
    """
    What a look brought; everything but *answers* may be missing.

    Attributes:
        guards: Pids of guards that run; None without root.
        shell_scan: What the helper saw as the adb shell, where there is no root; None with
            *no_shell* saying why.
        killers: Of lmkd and the kernel's driver.
        answers: Of the shell, by the doctor's own names; a captured text has few of them.
        root: The way to root, or None with *no_root* saying why.
        avd: Entries of an emulator's config.ini; None where they are not on this machine.
        remarks: What captured logs say of zram, swap and the freezer; *has_log*: there was one.
        left_out: What of a capture could not be read, each with the reason.
    """

    answers: Mapping[str, Answer]
    properties: Mapping[str, str] = field(default_factory=dict)
    host: Host | None = None
    trip_s: float | None = None
    root: str | None = None
    no_root: str | None = None
    hello: Hello | None = None
    shell_scan: Scan | None = None
    no_shell: str | None = None
    backends: Mapping[str, Backend] = field(default_factory=dict)
    helper_abis: tuple[str, ...] = ()
    guards: tuple[int, ...] | None = None
    killers: KillerFacts = field(default_factory=KillerFacts)
    avd: Mapping[str, str] | None = None
    remarks: tuple[Remark, ...] = ()
    has_log: bool = False
    left_out: tuple[str, ...] = ()


def host_checks(host: Host, trip_s: float | None) -> Iterator[Check]:
    """Judge the computer's side: adb, its server, the round trip."""
    if host.adb_path is None:
        yield Check("adb", WARN, "no adb program found", "install Android's platform-tools")
    else:
        yield Check("adb", OK, f"{host.adb_path}, version {host.version or '?'}")
    if host.server_protocol is None:
        yield Check("adb server", FAIL, f"no {host.server} runs", "adb start-server")
        return
    fact = f"{host.server}, protocol {host.server_protocol}"
    if host.server_protocol < _OLDEST_SERVER:
        yield Check("adb server", WARN, fact, "older than 2019: update platform-tools")
    elif host.protocol not in (None, host.server_protocol):
        text = f"{fact}; the adb program has {host.protocol}"
        yield Check("adb server", WARN, text, "each would end the other's server: use one adb")
    else:
        yield Check("adb server", OK, fact)
    if trip_s is not None:
        slow = trip_s > _SLOW_TRIP_S
        todo = "a cable, or another port: every command waits for several" if slow else None
        yield Check("round trip", WARN if slow else OK, f"{trip_s * 1000:.1f} ms", todo)


def device_checks(facts: Facts) -> Iterator[Check]:
    """Judge the device, from what it is to what would interfere with a page-out."""
    yield from _identity(facts)
    yield from _rights(facts)
    yield from _memory(facts)
    yield from emulator_checks.emulator(facts.properties, facts.avd, _ram_bytes(facts))
    yield from _backends(facts)
    yield from _guard(facts)
    yield from _killers(facts)
    yield from _activity_manager(facts)
    yield from system_checks.limiter(_text(facts, "limiter") or "")
    yield from system_checks.mmd(facts.properties)
    yield from _reclaimers(facts)
    yield from _logs(facts)


def _identity(facts: Facts) -> Iterator[Check]:
    properties = facts.properties
    sdk = sdk_of(properties)
    if not sdk:
        yield Check("android", UNKNOWN, "no release in the properties")
    else:
        model = properties.get("ro.product.model", "?")
        release = properties.get("ro.build.version.release", "?")
        old = sdk < _OLDEST_SDK
        yield Check(
            "android", FAIL if old else OK, f"{model}, Android {release} (SDK {sdk})",
            "Android 5 or later is needed" if old else None,
        )  # fmt: skip
    if sdk and facts.killers.properties:
        booted = properties.get("sys.boot_completed") == "1"
        yield Check(
            "booted", OK if booted else WARN, "yes" if booted else "not yet",
            None if booted else "droidreclaim devices --wait 300",
        )  # fmt: skip
    abi = facts.hello.abi if facts.hello else properties.get("ro.product.cpu.abi")
    if abi and facts.helper_abis:
        fits = abi in facts.helper_abis
        todo = None if fits else f"there are helpers for {', '.join(facts.helper_abis)}"
        yield Check("abi", OK if fits else FAIL, abi, todo)
    kernel = facts.hello.kernel if facts.hello else _text(facts, "kernel")
    yield Check("kernel", OK if kernel else UNKNOWN, kernel or _missing(facts, "kernel"))
    page = str(facts.hello.page_bytes) if facts.hello else _text(facts, "page")
    known = page if page and page.isdecimal() else None
    yield Check("page size", OK if known else UNKNOWN, f"{known} bytes" if known else "?")


def _shell_check(facts: Facts) -> Check:
    """What the helper can read as the adb shell."""
    scan = facts.shell_scan
    if scan is None:
        return Check("helper as shell", FAIL, facts.no_shell or "not tried", _NO_SHELL)
    fact = plural(len(scan.processes), "process", "processes")
    if scan.hidden:
        return Check("helper as shell", WARN, f"sees only {fact}: hidepid", _SHELL_SEES_LESS)
    if scan.unreadable:
        refused = f"{fact}, {scan.unreadable} of them unreadable: {scan.unreadable_errno or '?'}"
        return Check("helper as shell", WARN, refused, _SHELL_SEES_LESS)
    return Check("helper as shell", OK, f"reads the memory of {fact}")


def _rights(facts: Facts) -> Iterator[Check]:
    if facts.root:
        yield Check("root", OK, facts.root)
    elif facts.no_root:
        yield Check("root", FAIL, facts.no_root, _ROOT_ADDS)
        yield _shell_check(facts)
    mode = _text(facts, "selinux")
    context = facts.hello.selinux if facts.hello else None
    if mode in ("Enforcing", "Permissive", "Disabled"):
        yield Check("selinux", OK, mode.lower() + (f", helper as {context}" if context else ""))
    else:
        yield Check("selinux", UNKNOWN, _missing(facts, "selinux"))


def _memory(facts: Facts) -> Iterator[Check]:
    yield from _ram(facts)
    yield from _swap(facts)
    text = _text(facts, "psi")
    if text is None:
        todo = "no stalls to watch: a kernel with CONFIG_PSI, or root where the shell may not"
        yield Check("psi", WARN, _missing(facts, "psi"), todo)
        return
    try:
        full = parse_pressure(text).full
    except ParseError as error:
        yield Check("psi", UNKNOWN, str(error))
        return
    yield Check("psi", OK, f"full avg10 {full.avg10_percent:.2f} %" if full else "some only")


def _ram_bytes(facts: Facts) -> int | None:
    text = _text(facts, "meminfo")
    try:
        return parse_meminfo(text).total_bytes if text else None
    except ParseError:
        return None


def _ram(facts: Facts) -> Iterator[Check]:
    text = _text(facts, "meminfo")
    try:
        info = parse_meminfo(text) if text else None
    except ParseError as error:
        yield Check("ram", UNKNOWN, str(error))
        return
    if info is None:
        yield Check("ram", UNKNOWN, _missing(facts, "meminfo"))
        return
    total, available = format_size(info.total_bytes), format_size(info.available_bytes)
    yield Check("ram", OK, f"{total}, {available} available")


def _swap(facts: Facts) -> Iterator[Check]:
    text = _text(facts, "swaps")
    try:
        areas = parse_swaps(text) if text else None
    except ParseError as error:
        yield Check("swap", UNKNOWN, str(error))
        return
    if areas is None:
        yield _swap_of_meminfo(facts)
        return
    if not areas:
        yield Check("swap", FAIL, "none", _NO_SWAP)
    for area in areas:
        yield _swap_area(area)
    yield from system_checks.zram(_text(facts, "zram") or "")


def _swap_of_meminfo(facts: Facts) -> Check:
    """Swap as a whole, where nothing lists its areas: bug reports have meminfo alone."""
    text = _text(facts, "meminfo")
    try:
        info = parse_meminfo(text) if text else None
    except ParseError:
        info = None
    if info is None or info.swap_total_bytes is None or info.swap_free_bytes is None:
        return Check("swap", UNKNOWN, _missing(facts, "swaps"))
    if info.swap_total_bytes == 0:
        return Check("swap", FAIL, "none", _NO_SWAP)
    used = info.swap_total_bytes - info.swap_free_bytes
    words = f"{format_size(used)} of {format_size(info.swap_total_bytes)} used, by meminfo"
    return Check("swap", OK, words)


def _swap_area(area: SwapArea) -> Check:
    used = f"{format_size(area.used_bytes)} of {format_size(area.size_bytes)} used"
    if not area.is_zram:
        todo = "page-out writes flash, and wears it: it is refused there without --allow-flash"
        return Check("swap", WARN, f"{area.path}: on flash, {used}", todo)
    if area.used_bytes > 0.9 * area.size_bytes:
        todo = "lmkd takes swap under 10 % free as a reason to kill: set a --budget"
        return Check("swap", WARN, f"{area.name}: {used}", todo)
    return Check("swap", OK, f"{area.name}: {used}")


def _backends(facts: Facts) -> Iterator[Check]:
    if not facts.backends:
        yield Check("backends", UNKNOWN, "not tried: that takes the helper, and so root")
        return
    usable = ("pageout", "proc_reclaim", "memory_reclaim")
    best = next(
        (name for name in usable if name in facts.backends and facts.backends[name].works), None
    )
    for name, backend in facts.backends.items():
        why = ", ".join(filter(None, (backend.errno, backend.why))) or "works"
        spare = not backend.works and best is not None and name in usable
        if spare:
            why = f"{why}: not needed, {best} works"
        yield Check(f"backend {name}", OK if backend.works or spare else WARN, why)
    if best is None:
        todo = "no page-out here: is there swap? process_madvise needs kernel 5.10"
        yield Check("page-out", FAIL, "none of the backends works", todo)


def _guard(facts: Facts) -> Iterator[Check]:
    if facts.guards is None:
        yield Check("guard", UNKNOWN, "seeing one takes root")
    elif facts.guards:
        pids = ", ".join(map(str, facts.guards))
        yield Check(
            "guard", OK, f"runs, pid {pids}", "'droidreclaim guard stop' before a comparison"
        )
    else:
        yield Check("guard", OK, "none runs")


def _killers(facts: Facts) -> Iterator[Check]:
    """Who kills for memory, whether lmkd lives, and its settings where they are known."""
    found = killer_of(facts.killers, facts.properties)
    levels = ",".join(str(pages) for pages, _ in facts.killers.driver_levels)
    if facts.killers.driver:
        yield Check("lowmemorykiller", OK, f"kernel driver, minfree {levels or 'not readable'}")
    yield _lmkd(facts, found)
    known = {Killer.NONE: WARN, Killer.NOT_KNOWN: UNKNOWN}.get(found.killer, OK)
    todo = "'headroom' names no rule here; kills can come all the same"
    words = f"{found.killer.value.replace('_', ' ')}: {found.why}"
    yield Check("killer", known, words, todo if known is not OK else None)
    if not facts.killers.properties or not facts.properties:
        return
    for name, setting in settings_in_force(facts.properties).items():
        yield Check(f"lmkd {name}", OK, f"{setting.value} ({setting.source})")


def _lmkd(facts: Facts, found: Found) -> Check:
    if facts.killers.lmkd is None:
        return Check("lmkd", UNKNOWN, _missing(facts, "lmkd"))
    if facts.killers.lmkd:
        pid = (_text(facts, "lmkd") or "").split()[:1]
        return Check("lmkd", OK, f"runs, pid {pid[0]}" if pid else "runs")
    todo = "nobody kills by its rules, and adj may not be kept: see 'logcat -s lowmemorykiller'"
    if found.killer is Killer.KERNEL_DRIVER:
        todo = "the kernel's driver kills, by the levels and adj it was last given"
    return Check("lmkd", FAIL, "does not run", todo)


def _activity_manager(facts: Facts) -> Iterator[Check]:
    text = _text(facts, "am-settings")
    try:
        settings = parse_settings(text) if text else None
    except ParseError as error:
        yield Check("am compact", UNKNOWN, error.hint or str(error))
        return
    if settings is None:
        yield Check("am compact", UNKNOWN, _missing(facts, "am-settings"))
        return
    if settings.use_compaction:
        yield Check("am compact", OK, "use_compaction=true")
    else:
        said = "use_compaction=false" if settings.use_compaction is False else "not in this release"
        todo = "'am compact' says Finished and does nothing: root and the helper instead"
        yield Check("am compact", WARN, said, todo)
    frozen = (
        f", {plural(settings.frozen_count, 'app')} frozen"
        if settings.frozen_count is not None
        else ""
    )
    override = _text(facts, "freezer")
    forced = f", set to {override} by hand" if override and override != "null" else ""
    known = {True: "on", False: "off", None: "unknown to this release"}[settings.use_freezer]
    yield Check("freezer", OK, f"{known}{frozen}{forced}")
    if settings.cur_max_cached_processes is not None:
        limit = settings.cur_max_cached_processes
        yield Check("cached limit", OK, f"ActivityManager kills cached apps above {limit}")


def _reclaimers(facts: Facts) -> Iterator[Check]:
    found = False
    for name, todo in _RECLAIMERS.items():
        value = _text(facts, name)
        if value is None:
            continue
        found = True
        idle = value.strip() in ("0", "N")
        yield Check(name, OK if idle else WARN, "there, off" if idle else f"there: {value[:60]}",
                    None if idle else todo)  # fmt: skip
    if "process_reclaim" in facts.answers and not found:
        yield Check("vendor reclaimers", OK, "none found")
    ttl = _text(facts, "mglru")
    if ttl is not None:
        busy = ttl.split()[-1] not in ("0", "enabled")
        todo = "the kernel's own OOM killer acts to keep young pages: kills are not lmkd's alone"
        said = f"{system_checks.mglru(_text(facts, 'mglru-on'))}min_ttl_ms {ttl.split()[-1]}"
        yield Check("mglru", WARN if busy else OK, said, todo if busy else None)


def _logs(facts: Facts) -> Iterator[Check]:
    """What captured logs say besides kills, which the command 'kills' lists."""
    for one in facts.remarks:
        todo = _REMARKS.get(one.what)
        name = f"log {one.what.replace('_', ' ')}"
        yield Check(name, WARN if todo else OK, f"{one.words}: {plural(one.count, 'line')}", todo)
    if facts.has_log and not facts.remarks:
        yield Check("log", OK, "nothing about zram, swap errors or the freezer")


def _text(facts: Facts, name: str) -> str | None:
    answer = facts.answers.get(name)
    return answer.text.strip() if answer is not None and answer.ok else None


def _missing(facts: Facts, name: str) -> str:
    answer = facts.answers.get(name)
    return "not in the capture" if answer is None else answer.errno
