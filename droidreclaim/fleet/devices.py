"""The devices of a fleet, as values: what names each, and which group it stands in. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from droidreclaim.errors import UsageError
from droidreclaim.fleet.form import READ
from droidreclaim.model import DeviceStatus
from droidreclaim.units import GIB, MIB, format_size

_MAX_VALUE_CHARS = 92  # PROP_VALUE_MAX of bionic
# release=14
# kernel=6.1.0-40-amd64
# booted=1
# MemTotal:        3904536 kB
_FACT = re.compile(r"^(release|kernel|booted)=(.*)$|^(MemTotal): +([0-9]{1,15}) kB$", re.MULTILINE)
ASK = (
    'echo "release=$(getprop ro.build.version.release)"; '
    'echo "kernel=$(uname -r)"; echo "booted=$(getprop sys.boot_completed)"; '
    "grep MemTotal: /proc/meminfo"
)


@dataclass(frozen=True, slots=True)
class FleetDevice:
    """
    One device, wherever it is; None for what could not be asked.

    Attributes:
        state: adb's word, or ``absent`` for one that the fleet names and nobody has attached.
        reason: Why it is not ready, with what to do; None when it is.
        no_root: Why nothing can be root there: a run that needs no root can be played all the same.
        own: Labels that the fleet's file gives it.
    """

    host: str
    serial: str
    state: str
    model: str | None = None
    sdk: int | None = None
    release: str | None = None
    kernel: str | None = None
    ram_bytes: int | None = None
    abi: str | None = None
    root: str | None = None
    reason: str | None = None
    no_root: str | None = None
    own: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Host and serial, which name it in the whole fleet."""
        return f"{self.host}/{self.serial}"

    @property
    def ready(self) -> bool:
        """Whether a job can be begun on it, as far as a look can tell."""
        return self.reason is None

    @property
    def labels(self) -> dict[str, str]:
        """Everything it may be chosen by."""
        read = {name: getattr(self, "ram_label" if name == "ram" else name) for name in READ}
        told = {name: str(value) for name, value in read.items() if value is not None}
        return {**self.own, **told, "host": self.host, "serial": self.serial}

    @property
    def ram_label(self) -> str | None:
        """Its RAM as it is sold: the kernel's own part is not in what it says."""
        if self.ram_bytes is None:
            return None
        step = GIB if self.ram_bytes > 2 * GIB else 128 * MIB
        return format_size(math.ceil(self.ram_bytes / step) * step)

    @property
    def version(self) -> str:
        """Release and SDK, as far as they are known."""
        sdk = f"SDK {self.sdk}" if self.sdk is not None else "?"
        return f"{self.release} ({sdk})" if self.release else sdk

    @property
    def group(self) -> str:
        """Model and release: one device of a group may do the work of another."""
        return f"{self.model or '?'}, SDK {self.sdk if self.sdk is not None else '?'}"


def of_status(host: str, one: DeviceStatus, facts: str, own: Mapping[str, str]) -> FleetDevice:
    """A device as the adb server and the device itself tell of it."""
    read = {(name or memory): word or kib for name, word, memory, kib in _FACT.findall(facts)}
    ram_kib = read.get("MemTotal")
    # What answers and has booted is ready, as here a device without root is, too.
    ready = one.reason is None or (one.root is None and read.get("booted", "").strip() == "1")
    return FleetDevice(
        host=host, serial=one.serial, state=one.state, model=one.model, sdk=one.sdk,
        release=read.get("release", "")[:_MAX_VALUE_CHARS].strip() or None,
        kernel=read.get("kernel", "")[:_MAX_VALUE_CHARS].strip() or None,
        ram_bytes=int(ram_kib) * 1024 if ram_kib else None,
        abi=one.abi, root=one.root,
        reason=None if ready else one.reason, no_root=one.reason if ready else None, own=dict(own),
    )  # fmt: skip


def parse_where(words: Sequence[str]) -> dict[str, str]:
    """
    Read ``LABEL=VALUE``.

    Raises:
        UsageError: a word has another form.
    """
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise UsageError(f"--where {name}{equals}{value}: LABEL=VALUE is wanted, as sdk=34")
    return {name: value for name, _, value in pairs}


def chosen(devices: Iterable[FleetDevice], where: Mapping[str, str]) -> tuple[FleetDevice, ...]:
    """Those whose labels are as *where* has them."""
    return tuple(one for one in devices if all(one.labels.get(key) == where[key] for key in where))


def device_json(one: FleetDevice) -> dict[str, Any]:
    """One device of ``fleet status --json``."""
    told = asdict(one)
    del told["own"]
    return {**told, "ready": one.ready, "labels": one.labels}
