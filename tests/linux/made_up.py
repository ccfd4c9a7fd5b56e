"""A made-up root with files of /proc, for programs of ours that are built to see one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .conftest import SOURCES, missing


def hosted_program(folder: Path, name: str) -> Path:
    """One of our programs on the host's libc; it sees $DROIDRECLAIM_ROOT as its root."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        missing("no C compiler")
    program = folder / f"droidreclaim-{name}"
    folders = [SOURCES / "common", SOURCES / name]
    sources = [
        path
        for one in folders
        for path in sorted(one.glob("*.c"))
        if path.name not in ("arch.c", "signal.c")
    ]
    flags = ["-std=gnu11", "-O1", "-g", "-DHOSTED", '-DBUILD="hosted"']
    flags += [f"-I{one}" for one in folders]
    subprocess.run([compiler, *flags, "-o", program, *sources], check=True)
    return program


class Tree:
    """Files that a guard reads, and nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "data/system").mkdir(parents=True)
        (root / "proc").mkdir()
        self.packages: dict[str, int] = {}
        self.memory()

    def memory(self, available_mib: int = 200, swap_mib: int = 512) -> None:
        """Write the device's memory and swap, all of the swap free."""
        fields = {"MemTotal": 640, "MemFree": 50, "MemAvailable": available_mib}
        fields |= {"SwapTotal": swap_mib, "SwapFree": swap_mib}
        text = "".join(f"{key}: {mib * 1024:>8} kB\n" for key, mib in fields.items())
        (self.root / "proc/meminfo").write_text(text)

    def process(
        self, pid: int, name: str, uid: int, adj: int, *, ppid: int = 300, anon_kib: int = 8192
    ) -> None:
        """Write a process, and the package it belongs to unless it is a child of its own app."""
        folder = self.root / "proc" / str(pid)
        folder.mkdir()
        zeros = " ".join("0" * 12)
        (folder / "stat").write_text(
            f"{pid} ({name[-15:]}) S {ppid} 1 1 0 -1 0 {zeros[:-4]} 20 0 1 0 {pid} 0\n"
        )
        (folder / "status").write_text(
            f"Name:\t{name[-15:]}\nTgid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
            f"RssAnon:\t{anon_kib} kB\nRssFile:\t1024 kB\nRssShmem:\t0 kB\nVmSwap:\t64 kB\n"
        )
        (folder / "oom_score_adj").write_text(f"{adj}\n")
        (folder / "cmdline").write_bytes(name.encode() + b"\0")
        if uid >= 10000 and ppid == 300:
            self.packages.setdefault(name.partition(":")[0], uid)
            (self.root / "data/system/packages.list").write_text(
                "".join(
                    f"{package} {owner} 0 /data/user/0/{package} default none\n"
                    for package, owner in self.packages.items()
                )
            )
