"""Archives in cpio's newc format, as the kernel unpacks an initramfs; owner and mode are ours."""

from __future__ import annotations

import gzip
import stat

_TRAILER = "TRAILER!!!"


class Archive:
    """
    An initramfs in the making.

    Directories must be added before what they hold; all have time 0, so that equal content gives
    equal bytes.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._next_inode = 1

    def add_directory(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """Add a directory; *owner* is both uid and gid."""
        self._add(path, stat.S_IFDIR | mode, b"", owner)

    def add_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._add(path, stat.S_IFREG | mode, data)

    def add_link(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def pack(self) -> bytes:
        """Return the archive so far, closed and compressed."""
        trailer = _entry(_TRAILER, 0, 0, b"")
        return gzip.compress(b"".join([*self._parts, trailer]), compresslevel=1, mtime=0)

    def _add(self, path: str, mode: int, data: bytes, owner: int = 0) -> None:
        self._parts.append(_entry(path, self._next_inode, mode, data, owner))
        self._next_inode += 1


def _entry(name: str, inode: int, mode: int, data: bytes, owner: int = 0) -> bytes:
    raw = name.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, two device numbers in two words each,
    # length of the name, no checksum
    fields = (inode, mode, owner, owner, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + raw) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
