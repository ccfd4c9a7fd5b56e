"""Frames made by hand, for what draws them."""

from __future__ import annotations

from dataclasses import replace

from droidreclaim.model import Band, DeviceInfo, KindUse, Memory, ProcessId, Skip, band_of
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.policy.killer import Found, Killer
from droidreclaim.policy.lmkd import Headroom, Waits
from droidreclaim.top.frame import Action, Death, Frame, GuardState, Head, Moment, Part, Row, Swap
from droidreclaim.units import MIB

DEVICE = DeviceInfo("R58M12", "Pixel 6", 33, "arm64-v8a", "6.1.0", 4096)
HEADROOM = Headroom(
    free_bytes=90 * MIB, low_watermark_bytes=20 * MIB, min_watermark_bytes=10 * MIB,
    headroom_bytes=70 * MIB, swap_free_share=0.4, kernel_swap_free_share=0.4, swap_is_low=False,
    thrashing_share=0.02, direct_reclaim=False, full_stall_share=0.0, some_stall_share=0.0,
    pressure=None, killer=Found(Killer.PSI_NEW, "use_new_strategy=1 (default)"),
    next_rule="low_mem_and_swap", firing=False, adj_floor=900, no_rule=None,
    waits=Waits(0.07, 0.7), boot_s=100.0,
)  # fmt: skip


def part(pid: int, name: str, adj: int, rss_mib: int = 40, swap_mib: int = 10) -> Part:
    front = adj < 500
    return Part(
        id=ProcessId(pid, pid * 10), name=name, adj=adj, band=band_of(adj),
        memory=Memory(rss_mib * MIB, rss_mib * MIB // 2, rss_mib * MIB // 2, swap_mib * MIB),
        refusal=Skip(None, "foreground", f"in the foreground (adj {adj})") if front else None,  # type: ignore[arg-type]
        leaves_bytes=rss_mib * MIB // 2, back_bytes=3 * MIB, frozen=not front,
        kinds=(KindUse("dalvik", 9 * MIB, 8 * MIB, MIB, 2 * MIB, 0),
               KindUse("native", 9 * MIB, 6 * MIB, 0, MIB, MIB)),
    )  # fmt: skip


def row(package: str, adj: int, *parts: Part, user: int = 0) -> Row:
    parts = parts or (part(300 + adj, package, adj),)
    return Row(
        package=package, user=user, parts=parts, adj=adj, band=band_of(adj),
        rss_bytes=sum(one.memory.rss_bytes or 0 for one in parts),
        swap_bytes=sum(one.memory.swap_bytes or 0 for one in parts),
        gain_bytes=None if adj < 500 else 14 * MIB, back_bytes=3 * MIB, frozen=adj >= 900,
        away_s=None if adj < 500 else 75.0, away_at_least=adj == 700,
    )  # fmt: skip


def dead(name: str, by: KilledBy | None = KilledBy.LMKD, reason: str = "low_mem") -> Row:
    record = KillRecord(1, None, by, 77, reason, "lmkd") if by else None
    death = Death(ProcessId(77, 1), name, (name,), 0, 950, Band.CACHED, 40 * MIB, 990.0, record)
    return Row(name, 0, (), 950, Band.CACHED, 40 * MIB, None, death=death)


def frame(
    *rows: Row,
    guard: GuardState | None = None,
    kills: dict[str, int] | None = None,
    root: str | None = "adbd",
    used_mib: int = 200,
) -> Frame:
    past = tuple(
        Moment(
            1000.0 - 30 + at, (250 - 5 * at) * MIB, 100 * MIB, at / 60, at / 200, 40.0 * at,
            1e5 * at, 3e5 * at,
        )
        for at in range(31)
    )  # fmt: skip
    head = Head(
        device=DEVICE, source="device", root=root, total_bytes=600 * MIB,
        swap=Swap(512 * MIB, used_mib * MIB, 70 * MIB, 2.9, 8 * MIB), past=past, headroom=HEADROOM,
        guard=guard, kills=kills or {},
    )  # fmt: skip
    return Frame("2026-01-05T10:00:00.000Z", 1000.0, 0.02, head, rows, 60)


def acted(one: Row, outcome: str = "reclaimed") -> Row:
    return replace(one, action=Action("pageout", 980.0, outcome, 22 * MIB, 14 * MIB))
