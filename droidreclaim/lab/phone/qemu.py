"""QEMU: its command line, its process, and whether KVM really works here."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from droidreclaim.errors import NotPossible
from droidreclaim.lab.phone.arch import X86_64, Arch
from droidreclaim.lab.phone.image import Image, cache_dir
from droidreclaim.lab.phone.packages import find_tool
from droidreclaim.lab.phone.state import Config, recall_accel
from droidreclaim.records import read_record

PROBE_S = 6.0  # a kernel to its first program takes 1 s under KVM, 3 s emulated
MEMORY_S = 24 * 60 * 60.0
_PROBE_ANSWER = b"init: probe answered"
_PR_SET_PDEATHSIG = 1


def kernel_line(config: Config) -> str:
    """Return the kernel's command line, with the words for the phone's init."""
    words = [
        *(
            f"console={config.arch.console}",
            "quiet",
            "loglevel=4",
            "panic=1",
            "psi=1",
            "mitigations=off",  # with them, each entry of an emulated kernel empties the TLB
            # QEMU translates code again for each address that it is mapped at. Where addresses
            # stay the same, a program's start costs a third.
            "norandmaps",
            "transparent_hugepage=madvise",
        ),
        *(f"droid.root={config.root}", f"droid.api={config.api}"),
        *(f"droid.ram={config.ram_bytes}", f"droid.zram={config.zram_bytes}"),
    ]
    if config.arch is not X86_64:
        words.append(f"droid.abi={config.arch.abi}")
    if config.writeback:
        words.append("droid.writeback=1")
    if config.apps is not None:
        words.append(f"droid.apps={config.apps}")
    return " ".join(words)


def command(image: Image, config: Config, port: int, console: Path, accelerator: str) -> list[str]:
    """The words that start a phone: no display, no monitor, only adb reachable, on loopback."""
    return [*_machine(image, config, accelerator), *_own(port, console), *_disk(image.disk, "raw")]


def restore_command(
    image: Image, config: Config, port: int, console: Path, disk: Path, memory: int
) -> list[str]:
    """
    The words that start a phone from a saved machine state.

    Args:
        disk: What the phone had written, over the image's own.
        memory: A file descriptor to read the state from, which QEMU must inherit.
    """
    return [
        *_machine(image, config, "tcg"),
        *(*_own(port, console), *_disk(disk, "qcow2")),
        *("-incoming", f"fd:{memory}"),
    ]


def state_words(image: Image, config: Config) -> list[str]:
    """What a saved machine state depends on."""
    return _machine(image, config, "tcg")


def _machine(image: Image, config: Config, accelerator: str) -> list[str]:
    return [
        *_common(image, accelerator, config.ram_bytes, config.cpus, config.arch),
        *("-append", kernel_line(config)),
        *("-device", "virtio-blk-pci,drive=disk"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
    ]


def _own(port: int, console: Path) -> list[str]:
    return [
        *("-serial", f"file:{console}"),
        *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:5555"),
    ]


def _disk(path: Path, form: str) -> list[str]:
    name = str(path).replace(",", ",,")  # QEMU's own escape
    return ["-drive", f"file={name},if=none,id=disk,format={form},snapshot=on"]


def _common(
    image: Image, accelerator: str, ram_bytes: int, cpus: int = 2, arch: Arch = X86_64
) -> list[str]:
    program = find_tool(arch.qemu[0])
    if program is None:
        raise NotPossible(
            f"there is no {arch.qemu[0]} here", hint="'droidreclaim phone setup' installs it"
        )
    engine = ("kvm", "host") if accelerator == "kvm" else ("tcg,thread=multi", arch.cpu)
    return [
        *(program, "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"),
        *(*arch.machine, "-accel", engine[0], "-cpu", engine[1]),
        *("-smp", str(cpus), "-m", f"{ram_bytes // 1024}K"),
        *("-rtc", "base=utc", "-kernel", str(image.kernel), "-initrd", str(image.initramfs)),
    ]


def spawn(
    argv: list[str], *, die_with_us: bool, inherited: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """
    Start QEMU in a session of its own, so that it survives the command that started it.

    Args:
        die_with_us: Have the kernel kill it when the calling thread ends, as a test run wants.
        inherited: File descriptors that *argv* names.
    """
    prctl = ctypes.CDLL(None).prctl

    def bind_to_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=inherited,
        preexec_fn=bind_to_parent if die_with_us else None,  # noqa: PLW1509 (one system call)
    )


def choose_accelerator(image: Image, progress: Callable[[str], None], arch: Arch = X86_64) -> str:
    """
    The accelerator that was chosen, else ``kvm`` where a guest booted with it, else ``tcg``.

    /dev/kvm alone says little: there are hosts where it opens and the guest hangs in early boot.
    The answer is remembered for this host's kernel and this QEMU, and for a day: a machine too busy
    for the trial looks like one that hangs.
    """
    wish = recall_accel()
    if wish == "tcg" or arch.emulator is not None:
        return "tcg"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        if wish == "kvm":
            raise NotPossible("no /dev/kvm that may be opened", hint="--accel auto or tcg")
        return "tcg"
    if wish == "kvm":
        return "kvm"
    program = Path(find_tool(X86_64.qemu[0]) or X86_64.qemu[0])
    key = f"{platform.release()} {program.stat().st_mtime_ns if program.exists() else 0}"
    memory = cache_dir() / "kvm.json"
    works = recall(memory, key)
    if works is None:
        progress("trying KVM")
        works = _boots_with_kvm(image)
        _remember(memory, {key: works})
    return "kvm" if works else "tcg"


def _remember(memory: Path, what: dict[str, bool]) -> None:
    """Write *what* down; where it cannot be written, the next start tries again."""
    partial = memory.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        partial.write_text(json.dumps(what))
        partial.rename(memory)


def recall(memory: Path, key: str) -> bool | None:
    """What the file *memory* says about *key*; None when nothing, or when that is a day old."""
    try:
        age_s = time.time() - memory.stat().st_mtime
        remembered = read_record(memory, dict[str, bool])
    except (OSError, ValueError):
        return None
    return None if age_s > MEMORY_S else remembered.get(key)


def _boots_with_kvm(image: Image) -> bool:
    argv = [
        *_common(image, "kvm", 256 * 1024 * 1024),
        "-append",
        "console=ttyS0 quiet panic=1 probe",
    ]
    process = subprocess.Popen(
        [*argv, "-serial", "stdio", "-no-reboot"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    seen = b""
    deadline = time.monotonic() + PROBE_S
    try:
        while time.monotonic() < deadline and process.poll() is None and _PROBE_ANSWER not in seen:
            seen += process.stdout.read() or b""
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    return _PROBE_ANSWER in seen
