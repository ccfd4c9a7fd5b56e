"""
/proc/PID/reclaim where the kernel has none: a FUSE file in a mount namespace of its own.

    fake_reclaim.py PID DIALECT FOLDER COMMAND...

runs COMMAND where /proc/PID holds everything it really holds and a file ``reclaim`` besides, which
pages that process out in earnest. The dialects are those of vendor kernels: ``keyword`` and
``numeric`` copy 12 bytes and cut the rest off, ``range`` takes "ADDRESS SIZE" too, ``nice``
asks the writer for CAP_SYS_NICE. ``lie`` takes everything and does nothing, ``hang`` never answers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC_PRIVATE = 0x1000, 0x4000 | 0x40000
PAGEOUT = 21
SYS_PIDFD_OPEN, SYS_PROCESS_MADVISE = 434, 440
CAP_SYS_NICE = 1 << 23
SHORT_BUFFER, LONG_BUFFER = 12, 199  # PROC_NUMBUF - 1, and what the range patches made of it

FORGET, GETATTR, OPEN, WRITE, RELEASE, FLUSH, INIT, INTERRUPT = 2, 3, 14, 16, 18, 25, 26, 36
DIRECT_IO = 1

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source: str, target: Path, kind: str, flags: int = 0, data: str = "") -> None:
    words = [word.encode() for word in (source, str(target), kind)]
    check(_libc.mount(*words, ctypes.c_ulong(flags), data.encode()))


def page_out(pid: int, ranges: list[tuple[int, int]]) -> None:
    """Page out *ranges* by process_madvise, in place of a vendor kernel's shrink_page_list."""
    pidfd = _libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    check(pidfd)
    for start, end in ranges:
        iov = (ctypes.c_ulong * 2)(start, end - start)
        _libc.syscall(SYS_PROCESS_MADVISE, pidfd, iov, 1, PAGEOUT, 0)
    os.close(pidfd)


class Reclaim:
    """The write handler of one process."""

    def __init__(self, pid: int, dialect: str, proc: Path) -> None:
        self.pid, self.dialect, self.proc = pid, dialect, proc

    def write(self, data: bytes, writer: int) -> int:
        """0 or a negative errno, as the kernel's handler."""
        if self.dialect == "lie":
            return 0
        if self.dialect == "hang":
            time.sleep(5)
            return 0
        if self.dialect == "nice" and not self.has_nice(writer):
            return -errno.EPERM
        limit = LONG_BUFFER if self.dialect == "range" else SHORT_BUFFER
        words = data[:limit].decode().strip()
        if self.dialect == "numeric":
            words = {"1": "file", "2": "anon", "3": "all"}.get(words, "")
        if words in ("file", "anon", "all"):
            page_out(self.pid, [(s, e) for s, e, kind in self.vmas() if words in (kind, "all")])
            return 0
        found = re.fullmatch(r"0x([0-9a-f]+) (\d+)", words)
        if self.dialect != "range" or found is None:
            return -errno.EINVAL
        start = int(found[1], 16)
        page_out(self.pid, [(start, start + int(found[2]))])
        return 0

    def has_nice(self, writer: int) -> bool:
        status = (self.proc / str(writer) / "status").read_text()
        caps = re.search(r"CapEff:\s+(\w+)", status)
        return caps is not None and bool(int(caps[1], 16) & CAP_SYS_NICE)

    def vmas(self) -> list[tuple[int, int, str]]:
        found = []
        for line in (self.proc / str(self.pid) / "maps").read_text().splitlines():
            words = line.split(maxsplit=5)
            start, end = (int(word, 16) for word in words[0].split("-"))
            if end < 1 << 47 and not (len(words) > 5 and words[5].startswith("[v")):
                found.append((start, end, "anon" if words[4] == "0" else "file"))
        return found


def serve(fuse: int, reclaim: Reclaim) -> None:
    """Serve the FUSE requests of a file that is only written to."""
    while True:
        try:
            data = os.read(fuse, 1 << 18)
        except OSError:
            return
        _, opcode, unique, _, _, _, writer, _ = struct.unpack_from("<IIQQIIII", data)
        if opcode in (FORGET, INTERRUPT):
            continue
        error, answer = 0, b""
        if opcode == INIT:
            answer = struct.pack("<IIIIHHIIHHI28x", 7, 31, 4096, 0, 8, 8, 4096, 1, 1, 0, 0)
        elif opcode == GETATTR:
            attributes = struct.pack("<QQQQQQIIIIIIIIII", 1, *[0] * 8, 0o100200, 1, *[0] * 5)
            answer = struct.pack("<QII", 60, 0, 0) + attributes
        elif opcode == OPEN:
            answer = struct.pack("<QII", 1, DIRECT_IO, 0)
        elif opcode == WRITE:
            written = data[80:]
            error = reclaim.write(written, writer)
            answer = struct.pack("<II", len(written), 0) if not error else b""
        elif opcode not in (RELEASE, FLUSH):
            error = -errno.ENOSYS
        os.write(fuse, struct.pack("<IiQ", 16 + len(answer), error, unique) + answer)


def main() -> int:
    pid, dialect, folder, command = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    check(_libc.unshare(CLONE_NEWNS))
    mount("none", Path("/"), "", MS_REC_PRIVATE)
    real = folder / "proc"
    real.mkdir()
    mount("/proc", real, "", MS_BIND)
    own = Path(f"/proc/{pid}")
    names = [path.name for path in (real / str(pid)).iterdir()]
    mount("fake", own, "tmpfs")
    for name in names:
        (own / name).symlink_to(real / str(pid) / name)
    (own / "reclaim").touch()
    fuse = os.open("/dev/fuse", os.O_RDWR)
    mount("fake", own / "reclaim", "fuse", 0, f"fd={fuse},rootmode=100200,user_id=0,group_id=0")
    server = Reclaim(pid, dialect, real)
    threading.Thread(target=serve, args=(fuse, server), daemon=True).start()
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    os.write(1, done.stdout)
    os.write(2, done.stderr)
    os._exit(done.returncode)


if __name__ == "__main__":
    main()
