"""The slow, rarely changing half of the image: Debian's kernel and userland."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.phone import modules, packages
from droidreclaim.lab.phone.cpio import Archive
from droidreclaim.lab.phone.packages import find_tool, run

KERNEL, DISK, EARLY, PYTHON = "vmlinuz", "disk.ext4", "early.cpio.gz", "python"
DISK_BYTES = 512 * 1024 * 1024  # sparse; leaves room for /data

# OpenSSL doubles the memory of a Python daemon that imports asyncio, which does without.
_UNWANTED = (
    *(
        "debs",
        "status",
        "var",
        "boot",
        "usr/share",
        "usr/lib/klibc",
        "usr/lib/diet",
        "usr/lib/x86_64-linux-gnu/gconv",
    ),
    *(
        "usr/lib/x86_64-linux-musl",
        "usr/lib/x86_64-linux-gnu/*crypto.so*",
        "usr/lib/x86_64-linux-gnu/libssl.so*",
    ),
    *("usr/lib/python3*/lib-dynload/_ssl.*", "usr/lib/python3*/lib-dynload/_hashlib.*"),
    *("usr/lib/python3*/test", "usr/lib/python3*/pydoc_data", "usr/lib/python3*/turtle*"),
    *("usr/bin/dpkg*", "usr/bin/tar", "usr/sbin/*", "usr/bin/lksh"),
)
_NOT_LINKED = {
    "su",
    "login",
    "passwd",
    "ps",
    "host",
    "sh",
}  # ours, absent from Android, or another program's
_LOADER = "usr/lib64/ld-linux-x86-64.so.2"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def build(target: Path, progress: Callable[[str], None]) -> None:
    """
    Make kernel, disk and early initramfs in the new directory *target*.

    Raises:
        NotPossible: this host has no apt, or apt no such packages.
        DroidReclaimError: a step failed, with its last words.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as name:
        work = Path(name)
        result, kernel, tree = work / "result", work / "kernel", work / "tree"
        result.mkdir()
        progress("fetching the kernel")
        packages.fetch_kernel(kernel)
        progress("fetching the userland")
        packages.fetch_userland(tree)
        progress("making the disk")
        _merge_usr(tree)
        _remove_unwanted(tree)
        _link_android_names(tree)
        shutil.copytree(tree / "usr/lib", result / PYTHON / "usr/lib", symlinks=True)
        _copy_python(tree, result / PYTHON)
        compile_python(result / PYTHON, tree / "usr/lib", "/usr/lib")
        shutil.copy(_only(kernel / "boot", "vmlinuz-*"), result / KERNEL)
        (result / EARLY).write_bytes(_pack_early(tree, kernel))
        _make_disk(tree, result / DISK)
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


def compile_python(python: Path, sources: Path, seen_as: str) -> None:
    """
    Compile *sources* with the phone's own Python, which the host's may not match; on the phone it
    would take seconds at each boot.
    """
    interpreter = [
        str(python / _LOADER),
        "--library-path",
        str(python / _LIBRARIES),
        str(python / "usr/bin/python3"),
    ]
    options = [
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(sources),
        "-p",
        seen_as,
    ]
    run(
        [*interpreter, "-S", *options, str(sources)],
        env={"PYTHONHOME": str(python / "usr"), "PATH": os.defpath},
    )


def _only(directory: Path, pattern: str) -> Path:
    found = sorted(directory.glob(pattern))
    if not found:
        raise DroidReclaimError(
            f"the packages hold no {pattern}", hint="try an older release of the distribution"
        )
    return found[-1]


def _merge_usr(tree: Path) -> None:
    """Debian 12 still ships /bin and /lib apart; the links come with packages we do not take."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(exist_ok=True)
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)
        if not (tree / name).is_symlink():
            (tree / name).symlink_to(f"usr/{name}")
    loader = tree / _LOADER
    if not loader.exists():
        loader.unlink(missing_ok=True)
        loader.symlink_to("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")


def _remove_unwanted(tree: Path) -> None:
    for pattern in _UNWANTED:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _link_android_names(tree: Path) -> None:
    system = tree / "system/bin"
    system.mkdir(parents=True)
    for directory in ("data", "dev", "proc", "sdcard", "sys", "tmp", "vendor", "root"):
        (tree / directory).mkdir(exist_ok=True)
    (tree / "data").chmod(0o771)
    (system / "toybox").symlink_to("/usr/bin/toybox")
    for name in _toybox_names(tree):
        if name not in _NOT_LINKED:
            (system / name).symlink_to("toybox")
    for shell in (system / "sh", tree / "usr/bin/sh"):
        shell.symlink_to("/usr/bin/mksh")


def _toybox_names(tree: Path) -> list[str]:
    loader = [str(tree / _LOADER), "--library-path", str(tree / _LIBRARIES)]
    return [
        name
        for name in run([*loader, str(tree / "usr/bin/toybox")]).decode().split()
        if name != "["
    ]


def _copy_python(tree: Path, target: Path) -> None:
    for path in ("usr/bin", "usr/lib64"):
        shutil.copytree(tree / path, target / path, symlinks=True)


def _pack_early(tree: Path, kernel: Path) -> bytes:
    archive = Archive()
    for directory in (
        "bin",
        "dev",
        "lib64",
        "modules",
        "proc",
        "root",
        "usr",
        "usr/lib",
        _LIBRARIES,
    ):
        archive.add_directory(directory)
    archive.add_link("lib", "usr/lib")
    archive.add_file("bin/toybox", (tree / "usr/bin/toybox").read_bytes(), 0o755)
    archive.add_file("lib64/ld-linux-x86-64.so.2", (tree / _LOADER).read_bytes(), 0o755)
    for name in ("libc.so.6", "libm.so.6", "libcrypt.so.1"):
        archive.add_file(f"{_LIBRARIES}/{name}", (tree / _LIBRARIES / name).read_bytes(), 0o755)
    order = modules.in_loading_order(kernel)
    for name, data in order:
        archive.add_file(f"modules/{name}.ko", data)
    archive.add_file("modules/order", "".join(f"{name}.ko\n" for name, _ in order).encode())
    return archive.pack()


def _make_disk(tree: Path, disk: Path) -> None:
    mke2fs = find_tool("mke2fs") or "mke2fs"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    argv = [
        mke2fs,
        "-q",
        "-t",
        "ext4",
        "-O",
        "^has_journal",
        "-d",
        str(tree),
        "-E",
        "root_owner=0:0",
        str(disk),
    ]
    if os.geteuid() != 0:
        argv = [
            "unshare",
            "--map-root-user",
            *argv,
        ]  # so that the files belong to root in the image
    run(argv)
