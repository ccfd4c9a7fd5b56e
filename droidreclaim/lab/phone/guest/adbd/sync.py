"""
The file service: stat, list, push and pull (AOSP SYNC.TXT and file_sync_protocol.h).

A push that ends early leaves no file; one that is refused is read to its end first, as adb reads
the refusal last.
"""

import os
import stat
import struct

from .wire import Stream, StreamClosed

_REQUEST = struct.Struct("<4sI")
_STAT_V1 = struct.Struct("<4sIII")
_STAT_V2 = struct.Struct("<4sIQQIIIIQqqq")
_ENTRY = struct.Struct("<4sIIII")
CHUNK_BYTES = 64 * 1024  # the most adb accepts in one DATA
PATH_BYTES = 1024


async def serve_sync(stream: Stream) -> None:
    """Answer requests until QUIT, or until what arrives is not a request."""
    while True:
        request, length = _REQUEST.unpack(await stream.read_exactly(_REQUEST.size))
        if request == b"QUIT":
            return
        if length > PATH_BYTES or request not in _HANDLERS:
            await _fail(stream, "unknown request")
            return
        path = os.fsdecode(await stream.read_exactly(length))
        await _HANDLERS[request](stream, path)


async def _fail(stream: Stream, reason: str) -> None:
    data = reason.encode("utf-8", "replace")
    await stream.write(_REQUEST.pack(b"FAIL", len(data)) + data)


async def _stat_v1(stream: Stream, path: str) -> None:
    try:
        found = os.lstat(path)
    except OSError:
        await stream.write(_STAT_V1.pack(b"STAT", 0, 0, 0))
        return
    size = min(found.st_size, 0xFFFFFFFF)
    await stream.write(_STAT_V1.pack(b"STAT", found.st_mode, size, int(found.st_mtime)))


async def _stat_v2(stream: Stream, path: str) -> None:
    await stream.write(_pack_stat(b"STA2", path, follow=True))


async def _lstat_v2(stream: Stream, path: str) -> None:
    await stream.write(_pack_stat(b"LST2", path, follow=False))


def _pack_stat(reply: bytes, path: str, *, follow: bool) -> bytes:
    try:
        s = os.stat(path, follow_symlinks=follow)
    except OSError as error:
        return _STAT_V2.pack(reply, error.errno or 0, *[0] * 10)
    times = (int(s.st_atime), int(s.st_mtime), int(s.st_ctime))
    ids = (s.st_dev, s.st_ino, s.st_mode, s.st_nlink, s.st_uid, s.st_gid)
    return _STAT_V2.pack(reply, 0, *ids, s.st_size, *times)


async def _list(stream: Stream, path: str) -> None:
    try:
        names = [".", "..", *os.listdir(path)]
    except OSError:
        names = []  # adb shows a directory that cannot be read as an empty one
    for name in names:
        try:
            s = os.lstat(os.path.join(path, name))
        except OSError:
            continue
        raw = os.fsencode(name)
        size = min(s.st_size, 0xFFFFFFFF)
        await stream.write(_ENTRY.pack(b"DENT", s.st_mode, size, int(s.st_mtime), len(raw)) + raw)
    await stream.write(_ENTRY.pack(b"DONE", 0, 0, 0, 0))


async def _receive(stream: Stream, path: str) -> None:
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed below; only opening may fail here)
    except OSError as error:
        await _fail(stream, f"open failed: {error.strerror}")
        return
    with file:
        try:
            while data := file.read(CHUNK_BYTES):
                await stream.write(_REQUEST.pack(b"DATA", len(data)) + data)
        except OSError as error:
            await _fail(stream, f"read failed: {error.strerror}")
            return
    await stream.write(_REQUEST.pack(b"DONE", 0))


async def _send(stream: Stream, request: str) -> None:
    path, _, mode = request.rpartition(",")
    refusal = None
    fd = -1
    try:
        fd = _create(path, int(mode or "0", 0))
    except (OSError, ValueError) as error:
        refusal = f"couldn't create file: {getattr(error, 'strerror', error)}"
    try:
        refusal, mtime = await _take_data(stream, fd, refusal)
    except StreamClosed:
        if fd >= 0:
            os.unlink(path)
        raise
    finally:
        if fd >= 0:
            os.close(fd)
    if refusal is not None:
        if fd >= 0:
            os.unlink(path)
        await _fail(stream, refusal)
        return
    os.utime(path, (mtime, mtime))
    await stream.write(_REQUEST.pack(b"OKAY", 0))


def _create(path: str, mode: int) -> int:
    """Create a file in place of any old one; group and others get the owner's permissions."""
    if not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise ValueError("only files")
    bits = mode & 0o777
    bits |= (bits >> 3) & 0o070
    bits |= (bits >> 3) & 0o007
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        os.unlink(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o775, exist_ok=True)
    except PermissionError:
        pass  # we may not change this directory; open then raises the error to report
    fd = os.open(path, flags, bits)
    os.fchmod(fd, bits)
    return fd


async def _take_data(stream: Stream, fd: int, refusal: str | None) -> tuple[str | None, int]:
    """Write DATA to *fd* until DONE; return the refusal, if any, and the file's time to set."""
    while True:
        kind, number = _REQUEST.unpack(await stream.read_exactly(_REQUEST.size))
        if kind == b"DONE":
            return refusal, number
        if kind != b"DATA" or number > CHUNK_BYTES:
            raise StreamClosed
        data = await stream.read_exactly(number)
        if refusal is None:
            refusal = _write_all(fd, data)


def _write_all(fd: int, data: bytes) -> str | None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        return f"write failed: {error.strerror}"
    return None


_HANDLERS = {
    b"STAT": _stat_v1,
    b"STA2": _stat_v2,
    b"LST2": _lstat_v2,
    b"LIST": _list,
    b"RECV": _receive,
    b"SEND": _send,
}
