"""The slow, rarely changing half of the image: Debian's kernel and userland."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.phone import modules, packages
from droidreclaim.lab.phone.arch import Arch
from droidreclaim.lab.phone.cpio import Archive
from droidreclaim.lab.phone.packages import find_tool, run

KERNEL, DISK, EARLY, PYTHON = "vmlinuz", "disk.ext4", "early.cpio.gz", "python"
DISK_BYTES = 512 * 1024 * 1024  # sparse; leaves room for /data

_IMPORT = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)

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
        "usr/lib/*-linux-gnu/gconv",
    ),
    *(
        "usr/lib/*-linux-musl",
        "usr/lib/*-linux-gnu/*crypto.so*",
        "usr/lib/*-linux-gnu/libssl.so*",
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
}  # the phone has its own, Android has none, or the name is another program's


def build(arch: Arch, target: Path, guest: Path, progress: Callable[[str], None]) -> None:
    """
    Make kernel, disk and early initramfs in the new directory *target*.

    Args:
        guest: Our own Python programs, whose imports tell what a foreign phone needs compiled.

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
        apt = packages.apt_for(arch, work / "apt")
        packages.fetch_kernel(apt, kernel)
        progress("fetching the userland")
        packages.fetch_userland(apt, tree)
        progress("making the disk")
        _merge_usr(arch, tree)
        _remove_unwanted(tree)
        _link_android_names(arch, tree)
        if arch.emulator is not None:
            progress("compiling Python for the phone, emulated")
            _compile_imports(arch, tree, guest)
        shutil.copytree(tree / "usr/lib", result / PYTHON / "usr/lib", symlinks=True)
        _copy_python(tree, result / PYTHON)
        if arch.emulator is None:
            compile_python(arch, result / PYTHON, tree / "usr/lib", "/usr/lib")
        shutil.copy(_only(kernel / "boot", "vmlinuz-*"), result / KERNEL)
        (result / EARLY).write_bytes(_pack_early(arch, tree, kernel))
        _make_disk(tree, result / DISK)
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


def _on_host(arch: Arch, tree: Path, program: str) -> list[str]:
    """The words that run a program of *tree*, which may be made for another processor."""
    loader = [str(tree / arch.loader), "--library-path", str(tree / arch.libraries)]
    return [*([arch.emulator[0]] if arch.emulator else []), *loader, str(tree / program)]


def _compile_imports(arch: Arch, tree: Path, guest: Path) -> None:
    """
    Compile what our programs import, by importing it: the whole library takes minutes, emulated.
    """
    known = {path.stem for path in (tree / "usr/lib").glob("python3.*/*")}
    sources = "".join(path.read_text() for path in guest.glob("*/*.py"))
    names = sorted(set(_IMPORT.findall(sources)) & known)
    python = [*_on_host(arch, tree, "usr/bin/python3"), "-S", "-c", f"import {', '.join(names)}"]
    run(python, env={"PYTHONHOME": str(tree / "usr"), "PATH": os.defpath})


def compile_python(arch: Arch, python: Path, sources: Path, seen_as: str) -> None:
    """
    Compile *sources* with the phone's own Python, which the host's may not match; on the phone it
    would take seconds at each boot.
    """
    interpreter = _on_host(arch, python, "usr/bin/python3")
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


def _merge_usr(arch: Arch, tree: Path) -> None:
    """Debian 12 still ships /bin and /lib apart; the links come with packages we do not take."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(exist_ok=True)
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)
        if not (tree / name).is_symlink():
            (tree / name).symlink_to(f"usr/{name}")
    loader = tree / arch.loader
    if not loader.exists():
        loader.unlink(missing_ok=True)
        loader.symlink_to(f"../lib/{arch.triplet}/{loader.name}")


def _remove_unwanted(tree: Path) -> None:
    for pattern in _UNWANTED:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _link_android_names(arch: Arch, tree: Path) -> None:
    system = tree / "system/bin"
    system.mkdir(parents=True)
    for directory in ("data", "dev", "proc", "sdcard", "sys", "tmp", "vendor", "root"):
        (tree / directory).mkdir(exist_ok=True)
    (tree / "data").chmod(0o771)
    (system / "toybox").symlink_to("/usr/bin/toybox")
    for name in _toybox_names(arch, tree):
        if name not in _NOT_LINKED:
            (system / name).symlink_to("toybox")
    for shell in (system / "sh", tree / "usr/bin/sh"):
        shell.symlink_to("/usr/bin/mksh")


def _toybox_names(arch: Arch, tree: Path) -> list[str]:
    toybox = _on_host(arch, tree, "usr/bin/toybox")
    return [name for name in run(toybox).decode().split() if name != "["]


def _copy_python(tree: Path, target: Path) -> None:
    for path in ("usr/bin", "usr/lib64"):
        shutil.copytree(tree / path, target / path, symlinks=True)


def _pack_early(arch: Arch, tree: Path, kernel: Path) -> bytes:
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
        arch.libraries,
    ):
        archive.add_directory(directory)
    archive.add_link("lib", "usr/lib")
    archive.add_file("bin/toybox", (tree / "usr/bin/toybox").read_bytes(), 0o755)
    loader = arch.loader.replace("usr/lib64/", "lib64/")  # lib alone is a link to usr/lib
    archive.add_file(loader, (tree / arch.loader).read_bytes(), 0o755)
    for name in ("libc.so.6", "libm.so.6", "libcrypt.so.1"):
        path = f"{arch.libraries}/{name}"
        archive.add_file(path, (tree / path).read_bytes(), 0o755)
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
