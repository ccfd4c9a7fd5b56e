"""What a phone's processor decides: QEMU's machine, Debian's names, and where libraries lie."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.units import KIB


@dataclass(frozen=True, slots=True)
class Arch:
    """
    A kind of processor, with pages of one size.

    Attributes:
        name: What users call it; *abi* what Android calls it.
        qemu: QEMU's program, and the Debian package that has it.
        cpu: The processor that QEMU emulates. On x86-64 the plainest, a tenth faster than the
            fullest; on arm64 the fullest without pointer signing, which is slow.
        emulator: The same for what runs a single program of this processor on a host with another
            processor; None where the host runs it itself.
        suite: Release of Debian whose packages it takes; None for the host's own apt as it is.
        kernels: Packages that depend on the kernel, in the order in which they are tried.
    """

    name: str
    abi: str
    page_bytes: int
    qemu: tuple[str, str]
    machine: tuple[str, ...]
    cpu: str
    console: str
    triplet: str
    loader: str
    emulator: tuple[str, str] | None
    suite: str | None
    debian: str
    kernels: tuple[str, ...]

    @property
    def libraries(self) -> str:
        """Folder of the libraries on the phone's disk."""
        return f"usr/lib/{self.triplet}"


X86_64 = Arch(
    name="x86_64",
    abi="x86_64",
    page_bytes=4 * KIB,
    qemu=("qemu-system-x86_64", "qemu-system-x86"),
    machine=(),
    cpu="qemu64",
    console="ttyS0",
    triplet="x86_64-linux-gnu",
    loader="usr/lib64/ld-linux-x86-64.so.2",
    emulator=None,
    suite=None,
    debian="amd64",
    kernels=("linux-image-cloud-amd64", "linux-image-virtual"),  # Debian, Ubuntu
)


def _arm64(page_bytes: int, kernel: str) -> Arch:
    return Arch(
        name="arm64",
        abi="arm64-v8a",
        page_bytes=page_bytes,
        qemu=("qemu-system-aarch64", "qemu-system-arm"),
        machine=("-machine", "virt,gic-version=3"),
        cpu="max,pauth=off",
        console="ttyAMA0",
        triplet="aarch64-linux-gnu",
        loader="usr/lib/ld-linux-aarch64.so.1",
        emulator=("qemu-aarch64", "qemu-user"),
        suite="trixie",
        debian="arm64",
        kernels=(kernel,),
    )


ARM64 = _arm64(4 * KIB, "linux-image-cloud-arm64")
ARM64_16K = _arm64(16 * KIB, "linux-image-arm64-16k")
ALL = (X86_64, ARM64, ARM64_16K)
NAMES = tuple(dict.fromkeys(arch.name for arch in ALL))


def find(name: str, page_bytes: int) -> Arch | None:
    """The processor of that name with pages of that size."""
    return next((arch for arch in ALL if (arch.name, arch.page_bytes) == (name, page_bytes)), None)
