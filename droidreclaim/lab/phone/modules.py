"""Kernel modules in the order in which a phone without modprobe can load them."""

from __future__ import annotations

import lzma
import re
from pathlib import Path

from droidreclaim.lab.phone.packages import run

# lzo, lzo-rle and lz4 come before zram, which asks for its compressors by name when it is loaded.
WANTED = (
    *("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "ext4", "crc32c_generic"),
    *("lzo", "lzo_rle", "lz4", "zstd", "zram", "loop"),
)
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def in_loading_order(kernel: Path) -> list[tuple[str, bytes]]:
    """
    Name and content of the wanted modules under *kernel*, each after those it depends on.

    What is built into a kernel is no module there, and is left out.
    """
    found = {_name(path): path for path in kernel.rglob("*.ko*")}
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in ordered or name not in found:
            return
        data = _read(found[name])
        depends = _DEPENDS.search(data)
        for other in depends[1].decode().split(",") if depends else ():
            add(other.replace("-", "_"))
        ordered[name] = data

    for name in WANTED:
        add(name)
    return list(ordered.items())


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":  # Debian 13
        return lzma.decompress(data)
    if path.suffix == ".zst":  # Ubuntu 24.04
        return run(["zstd", "-dc"], input_bytes=data)
    return data
