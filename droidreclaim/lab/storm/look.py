"""One look at the device: its processes and its memory, in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from droidreclaim.helper import verbs
from droidreclaim.helper.session import HelperSession
from droidreclaim.lab.storm.events import Sample
from droidreclaim.model import FIRST_APP_ID, USER_RANGE, Process
from droidreclaim.parse.proc.kernel import (
    MemInfo,
    Pressure,
    VmStat,
    parse_meminfo,
    parse_pressure,
    parse_vmstat,
)
from droidreclaim.parse.proc.swap import ZramMemory, flash_read_bytes, parse_zram_mm_stat
from droidreclaim.units import MIB

_LEAST_STORED_BYTES = MIB  # below this, most of what zram takes is the allocator's own pages


@dataclass(frozen=True)
class Seen:
    """
    A device at one moment; None for what it does not have.

    Attributes:
        cpu_us: CPU time of the helper, before and after this look.
    """

    at_s: float
    cpu_us: tuple[int, int]
    processes: tuple[Process, ...]
    memory: MemInfo
    vmstat: VmStat | None
    pressure: Pressure | None
    zram: ZramMemory | None
    flash_read_bytes: int | None

    @property
    def apps(self) -> list[Process]:
        """Processes under an app's uid."""
        return [one for one in self.processes if (one.uid or 0) % USER_RANGE >= FIRST_APP_ID]

    @property
    def zram_ratio(self) -> float | None:
        """How much data zram holds for each byte it takes; None while it holds next to none."""
        if self.zram is None or self.zram.original_bytes < _LEAST_STORED_BYTES:
            return None
        return self.zram.original_bytes / max(1, self.zram.used_bytes)

    @property
    def paged_out(self) -> int | None:
        """Pages written to swap since boot."""
        return self.vmstat.get("pswpout") if self.vmstat else None

    def mains(self, packages: Iterable[str]) -> dict[str, Process]:
        """Find the main process of each package: the one that bears the package's name."""
        wanted = set(packages)
        return {one.name: one for one in self.apps if one.name in wanted and not one.zombie}

    def sample(self) -> Sample:
        """Return the device's memory, to be written down."""
        total, free = self.memory.swap_total_bytes, self.memory.swap_free_bytes
        some, full = (self.pressure.some, self.pressure.full) if self.pressure else (None, None)
        return Sample(
            at_s=self.at_s,
            available_bytes=self.memory.available_bytes,
            free_bytes=self.memory.free_bytes,
            swap_used_bytes=None if total is None or free is None else total - free,
            zram_used_bytes=self.zram.used_bytes if self.zram else None,
            psi_some_us=some.total_us if some else None,
            psi_full_us=full.total_us if full else None,
            paged_out=self.paged_out,
            paged_in=self.vmstat.get("pswpin") if self.vmstat else None,
            flash_read_bytes=self.flash_read_bytes,
        )


def look_at_device(session: HelperSession, at_s: float) -> Seen:
    """
    Look at the device now.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    files_asked = verbs.read_files("meminfo", "vmstat", "pressure/memory", "zram", "zram_flash")
    begun, scan, read, done = session.call_all(
        [verbs.HELLO, ("scan", {}), files_asked, verbs.HELLO]
    )
    files = verbs.files_of(read)
    vmstat, pressure = files.get("/proc/vmstat"), files.get("/proc/pressure/memory")
    zram = files.get("/sys/block/zram0/mm_stat")
    return Seen(
        at_s=at_s,
        cpu_us=(verbs.hello_of(begun).cpu_us, verbs.hello_of(done).cpu_us),
        processes=verbs.scan_of(scan).processes,
        memory=parse_meminfo(files.get("/proc/meminfo") or ""),
        vmstat=parse_vmstat(vmstat) if vmstat else None,
        pressure=parse_pressure(pressure) if pressure else None,
        zram=parse_zram_mm_stat(zram) if zram else None,
        flash_read_bytes=flash_read_bytes(files),
    )
