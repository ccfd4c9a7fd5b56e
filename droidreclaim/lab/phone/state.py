"""Running phones, as written down for the next command: one JSON file each."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.lab.phone.arch import ALL, X86_64, Arch, find
from droidreclaim.records import open_record, read_record
from droidreclaim.units import KIB, MIB, format_size

ROOTS = ("adbd", "su", "su0", "none", "su-deny", "su-hang", "su-weak", "su-banner")
ACCELS = ("auto", "kvm", "tcg")
APIS = range(28, 38)
WRITEBACK_API = 37
MIN_RAM_BYTES = 192 * MIB  # below, the kernel and the framework alone do not fit
CPUS = range(1, 9)


@dataclass(frozen=True, slots=True)
class Config:
    """
    What a phone is started with.

    Attributes:
        zram_bytes: 0 for a phone without swap.
        root: How one becomes root: ``adbd`` (adbd is root), ``su`` (su -c), ``su0`` (su 0),
            ``none``. The others are for tests: a su that denies, hangs, gives no capabilities,
            greets first.
        api: Android's API level the phone claims, 28 to 37.
        port: On 127.0.0.1; None for a free one.
        apps: Passed to the framework; None for its own choice.
        writeback: Whether what a frozen app has in zram is written to a file, as mmd does.
        arch_name, page_bytes: Of `Arch`.
        cpus: Number of processors. Emulated, one costs the host a third less than two, which QEMU
            has to keep in step.
    """

    ram_bytes: int = 640 * MIB
    zram_bytes: int = 512 * MIB
    root: str = "adbd"
    api: int = 33
    port: int | None = None
    apps: str | None = None
    writeback: bool = False
    cpus: int = 2
    arch_name: str = X86_64.name
    page_bytes: int = X86_64.page_bytes

    @property
    def arch(self) -> Arch:
        """
        Its processor.

        Raises:
            UsageError: there is no such processor.
        """
        found = find(self.arch_name, self.page_bytes)
        if found is None:
            known = ", ".join(f"{one.name} with {one.page_bytes // KIB}" for one in ALL)
            raise UsageError(
                f"no phone of {self.arch_name} with pages of {self.page_bytes // KIB} KiB",
                hint=f"{known} KiB",
            )
        return found

    @property
    def arch_words(self) -> str:
        """The options that name its processor, after a blank; empty for the usual one."""
        if self.arch is X86_64:
            return ""
        return f" --arch {self.arch_name} --page-kib {self.page_bytes // KIB}"

    def check(self) -> None:
        """
        Check that a phone can be started with these values.

        Raises:
            UsageError: no phone can be started with these values.
        """
        _ = self.arch
        if self.root not in ROOTS:
            raise UsageError(f"no root {self.root!r}", hint=f"one of {', '.join(ROOTS[:4])}")
        if self.api not in APIS:
            raise UsageError(f"no API level {self.api}", hint=f"{APIS[0]} to {APIS[-1]}")
        if self.writeback and (self.api < WRITEBACK_API or not self.zram_bytes):
            raise UsageError(
                "write-back needs a phone with zram and mmd", hint=f"--api {WRITEBACK_API}"
            )
        if self.cpus not in CPUS:
            raise UsageError(f"no phone of {self.cpus} CPUs", hint=f"{CPUS[0]} to {CPUS[-1]}")
        if self.ram_bytes < MIN_RAM_BYTES:
            raise UsageError(
                f"{format_size(self.ram_bytes)} of RAM boot no phone",
                hint=f"{format_size(MIN_RAM_BYTES)} do",
            )
        if (self.apps is not None and not self.apps.isprintable()) or " " in (self.apps or ""):
            raise UsageError("apps: one word without blanks")


@dataclass(frozen=True, slots=True)
class Phone:
    """
    A phone that was started.

    Attributes:
        start_ticks: Start time of the QEMU process (field 22 of /proc/PID/stat): another process
            may have its pid later.
        console: Log of the kernel's console.
        accelerator: ``kvm`` or ``tcg``.
        private: Whether a demo, a storm or a test run started it, which also ends it: no command
            takes it for the user's.
    """

    pid: int
    start_ticks: int
    port: int
    console: str
    accelerator: str
    config: Config
    private: bool = False

    @property
    def serial(self) -> str:
        """The name adb knows it by."""
        return f"127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether its QEMU process still runs."""
        return start_ticks(self.pid) == self.start_ticks


def state_dir() -> Path:
    """Where phones are written down: DROIDRECLAIM_STATE_DIR, else the user's state directory."""
    chosen = os.environ.get("DROIDRECLAIM_STATE_DIR")
    return Path(chosen) if chosen else platformdirs.user_state_path("droidreclaim")


def make_dir() -> Path:
    """
    Return `state_dir`, and make it where it is missing.

    Raises:
        NotPossible: it cannot be made.
    """
    directory = state_dir()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        usable = os.access(directory, os.W_OK)
    except OSError as error:
        raise _no_place(directory, error.strerror) from error
    if not usable:
        raise _no_place(directory, "it cannot be written")
    return directory


def _no_place(directory: Path, why: str | None) -> NotPossible:
    return NotPossible(
        f"a phone cannot be written down in {directory}: {why}",
        hint="DROIDRECLAIM_STATE_DIR names another folder",
    )


def keep_accel(word: str) -> None:
    """Remember which of `ACCELS` to start phones with."""
    (make_dir() / "accel").write_text(word)


def recall_accel() -> str:
    """Return the accelerator that `keep_accel` remembered, else ``auto``."""
    try:
        with open_record(state_dir() / "accel") as file:
            word = file.read(16).decode("ascii", "replace")
    except OSError:
        return "auto"
    return word if word in ACCELS else "auto"


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[
        2
    ].split()  # from field 3 (state) on; the name before may hold anything
    return None if fields[0] == "Z" else int(fields[19])


def save(phone: Phone) -> None:
    path = _path(phone.port)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(asdict(phone)))
    partial.rename(path)


def load_all() -> tuple[list[Phone], list[Path]]:
    """
    Every phone written down, alive or dead, by port; and the records that cannot be read.

    The phone of an unreadable record may still run, so the record is left for the user to remove.
    """
    phones, unreadable = [], []
    for path in sorted(state_dir().glob("phone-*.json")):
        try:
            phones.append(read_record(path, Phone))
        except FileNotFoundError:
            continue  # its phone was stopped meanwhile
        except (OSError, ValueError):
            unreadable.append(path)
    return sorted(phones, key=lambda phone: phone.port), unreadable


def forget(phone: Phone) -> None:
    """Remove the console's log, whatever path the record has for it, and last the record."""
    console_path(state_dir(), phone.port).unlink(missing_ok=True)
    _path(phone.port).unlink(missing_ok=True)


def console_path(directory: Path, port: int) -> Path:
    """The log of the kernel's console in the state directory."""
    return directory / f"phone-{port}.log"


def _path(port: int) -> Path:
    return state_dir() / f"phone-{port}.json"
