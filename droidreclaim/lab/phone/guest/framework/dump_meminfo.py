"""``dumpsys meminfo``, of the device and of single processes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .records import Proc

_GROUPS = (  # highest adj of the group, its name
    (-1000, "Native"),
    (-900, "System"),
    (-800, "Persistent"),
    (-700, "Persistent Service"),
    (99, "Foreground"),
    (199, "Visible"),
    (224, "Perceptible"),
    (249, "Perceptible Medium"),
    (299, "Perceptible Low"),
    (399, "Backup"),
    (499, "Heavy Weight"),
    (599, "A Services"),
    (699, "Home"),
    (799, "Previous"),
    (899, "B Services"),
    (1001, "Cached"),
)
_CATEGORIES = (
    "Native Heap",
    "Dalvik Heap",
    "Dalvik Other",
    "Stack",
    "Ashmem",
    "Other dev",
    ".so mmap",
    ".apk mmap",
    "Other mmap",
    "Unknown",
)
_HEAPS = ("Native Heap", "Dalvik Heap")


class Usage(NamedTuple):
    """Memory of one category in one process, as smaps gives it, in KiB."""

    rss_kb: int = 0
    pss_kb: int = 0
    shared_clean_kb: int = 0
    shared_dirty_kb: int = 0
    private_clean_kb: int = 0
    private_dirty_kb: int = 0
    swap_kb: int = 0
    swap_pss_kb: int = 0
    size_kb: int = 0

    def plus(self, other: "Usage") -> "Usage":
        return Usage(*(one + two for one, two in zip(self, other, strict=True)))


class Member(NamedTuple):
    """One process; *adj* is -1000 for those that ActivityManager does not know."""

    pid: int
    name: str
    adj: int
    activities: bool
    uses: Mapping[str, Usage]


class Device(NamedTuple):
    """Everything the device-wide dump needs; *meminfo* holds /proc/meminfo in kB."""

    sdk: int
    uptime_ms: int
    members: tuple[Member, ...]
    meminfo: Mapping[str, int]
    zram_used_kb: int


_KINDS = (  # how the name of a mapping begins or ends, in the order in which it counts
    (("[heap]", "libc_malloc"), (), "Native Heap"),
    (("dalvik-main", "dalvik-large", "dalvik-zygote"), (), "Dalvik Heap"),
    (("dalvik-",), (), "Dalvik Other"),
    (("[stack",), (), "Stack"),
    (("/dev/",), (), "Other dev"),
    ((), (".so",), ".so mmap"),
    ((), (".apk",), ".apk mmap"),
    (("/",), (), "Other mmap"),
)


def category(path: str) -> str:
    """Return the row that a mapping counts for, from its name in /proc/PID/smaps."""
    name = path.removeprefix("/dev/ashmem/").removesuffix(" (deleted)")
    stem = name.partition(".so.")[0] + ".so" if ".so." in name else name
    for starts, ends, kind in _KINDS:
        if stem.startswith(starts) or stem.endswith(ends):
            return kind
    return "Ashmem" if name != path and name else "Unknown"


def _sum(uses: Iterable[Usage]) -> Usage:
    total = Usage()
    for use in uses:
        total = total.plus(use)
    return total


def _k(number: int) -> str:
    return f"{number:,}K"


def _group(adj: int) -> str:
    return next(name for highest, name in _GROUPS if adj <= highest)


def _label(member: Member) -> str:
    return f"{member.name} (pid {member.pid}{' / activities' if member.activities else ''})"


def _row(indent: str, kilobytes: int, text: str, swap_kb: int | None) -> str:
    row = f"{indent}{_k(kilobytes):>12}: {text}"
    if swap_kb is None:
        return row
    return f"{indent}{_k(kilobytes):>12}: {text:<60} ({_k(swap_kb):>12} in swap)"


def _sections(device: Device, what: str) -> Iterator[str]:
    """Yield the three lists of ``RSS`` or ``PSS``; only the second says what lies in swap."""
    totals = [(member, _sum(member.uses.values())) for member in device.members]
    some_swap = what == "PSS" and any(use.swap_pss_kb for _, use in totals)

    def value(use: Usage) -> int:
        return use.rss_kb if what == "RSS" else use.pss_kb

    def swap(use: Usage) -> int | None:
        return use.swap_pss_kb if some_swap else None

    totals.sort(key=lambda pair: -value(pair[1]))
    yield f"Total {what} by process:"
    for member, use in totals:
        yield _row("", value(use), _label(member), swap(use))
    yield ""
    yield f"Total {what} by OOM adjustment:"
    for _, group in _GROUPS:
        inside = [(member, use) for member, use in totals if _group(member.adj) == group]
        if not inside:
            continue
        whole = _sum(use for _, use in inside)
        yield _row("", value(whole), group, swap(whole))
        for member, use in inside:
            yield _row("    ", value(use), _label(member), swap(use))
    yield ""
    yield f"Total {what} by category:"
    kinds = {
        kind: _sum(member.uses.get(kind, Usage()) for member, _ in totals) for kind in _CATEGORIES
    }
    for kind, use in sorted(kinds.items(), key=lambda pair: -value(pair[1])):
        yield _row("", value(use), kind.removesuffix(" Heap"), swap(use))
    yield ""


def device(dev: Device) -> str:
    """Print ``dumpsys meminfo``."""
    lines = [
        "Applications Memory Usage (in Kilobytes):",
        f"Uptime: {dev.uptime_ms} Realtime: {dev.uptime_ms}",
        "",
    ]
    if dev.sdk >= 31:
        lines += _sections(dev, "RSS")
    lines += _sections(dev, "PSS")
    info = dev.meminfo
    used_pss = sum(_sum(member.uses.values()).pss_kb for member in dev.members)
    cached_pss = sum(
        _sum(member.uses.values()).pss_kb for member in dev.members if member.adj >= 900
    )
    kernel = info["SUnreclaim"] + info["KernelStack"] + info["PageTables"]
    cached = info["Cached"] + info["Buffers"] + info.get("SReclaimable", 0) - info["Shmem"]
    free = cached_pss + cached + info["MemFree"]
    used = used_pss - cached_pss + kernel
    swapped = info["SwapTotal"] - info["SwapFree"]
    lost = info["MemTotal"] - free - used - dev.zram_used_kb
    lines += [
        f"Total RAM: {_k(info['MemTotal'])} (status normal)",
        f" Free RAM: {_k(free)} ({_k(cached_pss):>12} cached pss + {_k(cached)} cached kernel"
        f" + {_k(info['MemFree']):>12} free)",
        f" Used RAM: {_k(used)} ({_k(used_pss - cached_pss)} used pss + {_k(kernel):>12} kernel)",
        f" Lost RAM: {_k(lost):>12}",
        f"     ZRAM: {_k(dev.zram_used_kb):>12} physical used for {_k(swapped):>12} in swap"
        f" ({_k(info['SwapTotal'])} total swap)",
    ]
    return "\n".join(lines) + "\n"


def _columns(name: str, use: Usage, heap: tuple[int, int, int] | None) -> str:
    numbers = [use.pss_kb, use.private_dirty_kb, use.private_clean_kb, use.swap_pss_kb, use.rss_kb]
    row = f"{name:>13}" + "".join(f"{number:9d}" for number in numbers)
    return row + ("".join(f"{number:9d}" for number in heap) if heap else " " * 27)


def _heap(use: Usage) -> tuple[int, int, int]:
    """Return size, allocated and free: what is mapped, what is resident or in swap, the rest."""
    held = min(use.size_kb, use.rss_kb + use.swap_kb)
    return use.size_kb, held, use.size_kb - held


def _summary(uses: Mapping[str, Usage], total: Usage) -> Iterator[str]:
    def private(*kinds: str) -> int:
        return sum(
            uses[kind].private_dirty_kb + uses[kind].private_clean_kb
            for kind in kinds
            if kind in uses
        )

    def rss(*kinds: str) -> int:
        return sum(uses[kind].rss_kb for kind in kinds if kind in uses)

    rows = (
        ("Java Heap", ("Dalvik Heap",)),
        ("Native Heap", ("Native Heap",)),
        ("Code", (".so mmap", ".apk mmap", "Other mmap")),
        ("Stack", ("Stack",)),
    )
    yield " App Summary"
    yield "                       Pss(KB)                        Rss(KB)"
    yield "                        ------                         ------"
    for name, kinds in rows:
        yield f"{name:>20}: {private(*kinds):8d}                       {rss(*kinds):8d}"
    rest = ("Dalvik Other", "Ashmem", "Other dev", "Unknown")
    everything = total.private_dirty_kb + total.private_clean_kb
    yield f"       Private Other: {private(*rest):8d}"
    yield f"              System: {total.pss_kb - everything:8d}"
    yield f"             Unknown:                                {rss(*rest):8d}"
    yield " "
    yield (
        f"           TOTAL PSS: {total.pss_kb:8d}            TOTAL RSS: {total.rss_kb:8d}"
        f"       TOTAL SWAP PSS: {total.swap_pss_kb:8d}"
    )
    yield " "


def _app(proc: Proc, uses: Mapping[str, Usage]) -> Iterator[str]:
    yield f"** MEMINFO in pid {proc.pid} [{proc.name}] **"
    yield "                   Pss  Private  Private  SwapPss      Rss     Heap     Heap     Heap"
    yield "                 Total    Dirty    Clean    Dirty    Total     Size    Alloc     Free"
    yield "                ------   ------   ------   ------   ------   ------   ------   ------"
    for kind in _CATEGORIES:
        if kind in uses:
            yield _columns(kind, uses[kind], _heap(uses[kind]) if kind in _HEAPS else None)
    total = _sum(uses.values())
    yield _columns("TOTAL", total, _heap(_sum(uses[kind] for kind in _HEAPS if kind in uses)))
    yield " "
    yield from _summary(uses, total)


def apps(uptime_ms: int, chosen: Iterable[tuple[Proc, Mapping[str, Usage]]]) -> str:
    """Print ``dumpsys meminfo PACKAGE``: one block a process."""
    lines = [
        "Applications Memory Usage (in Kilobytes):",
        f"Uptime: {uptime_ms} Realtime: {uptime_ms}",
        "",
    ]
    for proc, uses in chosen:
        lines += _app(proc, uses)
    return "\n".join(lines) + "\n"
