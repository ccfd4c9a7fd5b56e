"""
The phone's image in the user's cache: a base of Debian packages, and our own files on top.

Each layer lies in a directory named by a hash of everything that goes in, so a change of a guest
file costs a second and never the base.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from droidreclaim.errors import NotPossible
from droidreclaim.lab.phone import base, modules, packages
from droidreclaim.lab.phone.arch import X86_64, Arch
from droidreclaim.lab.phone.cpio import Archive

FIRST_PROGRAM = "early"
LOCK = "lock"
KEEP_S = 24 * 60 * 60.0  # other versions of ours may share the cache
GUEST = Path(__file__).with_name("guest")
AVD_HINT = "use an AVD instead: 'emulator -avd NAME', then 'adb root'"

# Users of Android (AOSP android_filesystem_config.h), and app ids as `ps` prints them.
_SYSTEM_USERS = {"root": 0, "system": 1000, "radio": 1001, "log": 1007, "adb": 1011, "shell": 2000}
_GROUPS = {
    **_SYSTEM_USERS,
    **{"input": 1004, "sdcard_rw": 1015, "sdcard_r": 1028, "ext_data_rw": 1078, "ext_obb_rw": 1079},
    **{
        "net_bt_admin": 3001,
        "net_bt": 3002,
        "inet": 3003,
        "net_bt_stats": 3006,
        "readproc": 3009,
        "uhid": 3011,
    },
}
# Android's directories: mode and owner (uid and gid), as a phone has them.
_SYSTEM, _SHELL = _SYSTEM_USERS["system"], _SYSTEM_USERS["shell"]
_DIRECTORIES = {
    **{
        "etc": (0o755, 0),
        "system": (0o755, 0),
        "system/bin": (0o755, 0),
        "system/xbin": (0o755, 0),
    },
    **{"vendor": (0o755, 0), "vendor/bin": (0o755, 0)},
    **{
        "data": (0o771, _SYSTEM),
        "data/adb": (0o700, 0),
        "data/app": (0o771, _SYSTEM),
        "data/data": (0o771, _SYSTEM),
    },
    **{
        "data/local": (0o751, 0),
        "data/local/tmp": (0o771, _SHELL),
        "data/system": (0o775, _SYSTEM),
    },
    **{"data/user": (0o711, _SYSTEM)},
}
_FIRST_APP, _FIRST_ISOLATED, _NAMED_IDS = 10_000, 99_000, 400


@dataclass(frozen=True, slots=True)
class Image:
    """The files a boot needs; the disk is only ever read (QEMU's writes go to a temporary file)."""

    kernel: Path
    initramfs: Path
    disk: Path


def cache_dir() -> Path:
    """Where images are kept: DROIDRECLAIM_CACHE_DIR, else the user's cache."""
    chosen = os.environ.get("DROIDRECLAIM_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("droidreclaim")


def missing_host_packages(arch: Arch = X86_64) -> list[str]:
    """
    Debian packages this host lacks to build and run a phone of *arch*.

    Raises:
        NotPossible: this is no Debian or Ubuntu on x86-64.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not shutil.which("apt-get"):
        raise NotPossible("the pocket phone needs Debian or Ubuntu on x86-64", hint=AVD_HINT)
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return [
        package
        for tool, package in host_packages(release, arch).items()
        if packages.find_tool(tool) is None
    ]


def host_packages(os_release: Mapping[str, str], arch: Arch = X86_64) -> dict[str, str]:
    """The host's tools we need and their packages, by the fields of /etc/os-release."""
    family = f"{os_release.get('ID', '')} {os_release.get('ID_LIKE', '')}".split()
    # Ubuntu packs its kernel modules with zstd, which Python 3.11 cannot read.
    tools = dict([arch.qemu, ("mke2fs", "e2fsprogs"), *([arch.emulator] if arch.emulator else [])])
    return tools | ({"zstd": "zstd"} if "ubuntu" in family else {})


def ensure(
    confirm: Callable[[str], bool], progress: Callable[[str], None], arch: Arch = X86_64
) -> Image:
    """
    Return the current image, after building what is missing or stale.

    Args:
        confirm: Asked before packages are installed on this host, with a sentence that names them.
        progress: Told what is being done, a few words at a time.

    Raises:
        NotPossible: wrong host, refused, not root, or the guest's programs are not built.
    """
    if missing := missing_host_packages(arch):
        _install(missing, confirm, progress)
    directory = _base_dir(arch)
    initramfs = _initramfs_path(arch, directory)
    with _lock(progress):
        if not directory.is_dir():
            base.build(arch, directory, GUEST, progress)
        os.utime(directory)
        if not initramfs.is_file():
            progress("adding droidreclaim's own files")
            _write_initramfs(arch, directory, initramfs)
        os.utime(initramfs)
        remove_unused(cache_dir())
    return Image(directory / base.KERNEL, initramfs, directory / base.DISK)


def find(arch: Arch = X86_64) -> Image | None:
    """The image; None when `ensure` would have to build its base first."""
    if missing_host_packages(arch) or not _base_dir(arch).is_dir():
        return None
    return ensure(lambda _: False, lambda _: None, arch)


@contextmanager
def _lock(progress: Callable[[str], None]) -> Iterator[None]:
    """Keep other commands from building or removing images; the kernel frees it if we die."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        file = (cache_dir() / LOCK).open("w")
    except OSError as error:
        raise NotPossible(
            f"the phone's image has no place in {cache_dir()}: {error.strerror}",
            hint="DROIDRECLAIM_CACHE_DIR names another folder",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another command that makes the image")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_unused(cache: Path) -> None:
    """Remove images, states and what a killed build left, that no command used for a day."""
    for pattern in ("base-*", "initramfs-*", "state-*", ".building-*"):
        for path in cache.glob(pattern):
            if time.time() - path.stat().st_mtime < KEEP_S:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _install(
    names: list[str], confirm: Callable[[str], bool], progress: Callable[[str], None]
) -> None:
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    line = " ".join(command)
    if os.geteuid() != 0:
        raise NotPossible(f"not installed: {', '.join(names)}", hint=f"run 'sudo {line}'")
    if not confirm(f"This installs on this machine, with apt-get: {', '.join(names)}."):
        raise NotPossible(
            f"not installed: {', '.join(names)}", hint="run 'droidreclaim phone setup --yes'"
        )
    progress(line)
    packages.run(["apt-get", "update"])
    packages.run(command)


def _base_dir(arch: Arch) -> Path:
    sources = [Path(base.__file__), Path(modules.__file__), Path(packages.__file__)]
    parts = [repr(arch).encode(), *(source.read_bytes() for source in sources)]
    return cache_dir() / f"base-{_digest(iter(parts))}"


def _initramfs_path(arch: Arch, base_dir: Path) -> Path:
    def parts() -> Iterator[bytes]:
        yield base_dir.name.encode()
        yield Path(__file__).read_bytes()
        for path in _guest_files(arch):
            yield str(path.relative_to(GUEST)).encode()
            yield path.read_bytes()

    return cache_dir() / f"initramfs-{_digest(parts())}.cpio.gz"


def _digest(parts: Iterator[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:16]


def _guest_files(arch: Arch) -> list[Path]:
    """
    Everything of ours that runs in the phone.

    Raises:
        NotPossible: the guest's programs are not built.
    """
    programs = _programs(arch)
    if not any(program.name == FIRST_PROGRAM for program in programs):
        raise NotPossible(
            "the phone's programs are not built",
            hint="run 'python hatch_build.py' in the source tree",
        )
    return [*sorted(GUEST.glob("init/*.sh")), *programs, *_modules("adbd"), *_modules("framework")]


def _programs(arch: Arch) -> list[Path]:
    folder = GUEST / "bin" if arch is X86_64 else GUEST / "bin" / arch.name
    return sorted(path for path in folder.glob("*") if path.is_file())


def _modules(package: str) -> list[Path]:
    return sorted((GUEST / package).rglob("*.py"))


def _write_initramfs(arch: Arch, base_dir: Path, target: Path) -> None:
    """Write two archives in a row, which the kernel unpacks one by one: Debian's and ours."""
    archive = Archive()
    archive.add_directory("overlay")
    for path, (mode, owner) in _DIRECTORIES.items():
        archive.add_directory(f"overlay/{path}", mode, owner)
    archive.add_link("overlay/data/user/0", "/data/data")
    archive.add_file("overlay/etc/passwd", _passwd().encode())
    archive.add_file("overlay/etc/group", _group().encode())
    for name in ("init", "ps", "screencap", "uiautomator"):
        script = GUEST / f"init/{name}.sh"
        archive.add_file(f"overlay/system/bin/{name}", script.read_bytes(), 0o755)
    for program in _programs(arch):
        mode = 0o4755 if program.name in ("su", "run-as") else 0o755
        path = "init" if program.name == FIRST_PROGRAM else f"overlay/system/bin/{program.name}"
        archive.add_file(path, program.read_bytes(), mode)
    _add_python(arch, archive, base_dir / base.PYTHON)
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_bytes((base_dir / base.EARLY).read_bytes() + archive.pack())
    partial.rename(target)


def _add_python(arch: Arch, archive: Archive, python: Path) -> None:
    """Add our packages, compiled: otherwise the phone would compile them at each boot."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        for source in [*_modules("adbd"), *_modules("framework")]:
            copy = tree / source.relative_to(GUEST)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
        base.compile_python(arch, python, tree, "/system")
        for path in sorted(tree.rglob("*")):
            inside = f"overlay/system/{path.relative_to(tree)}"
            if path.is_dir():
                archive.add_directory(inside)
            else:
                archive.add_file(inside, path.read_bytes())


def _passwd() -> str:
    rows = [
        f"{name}:x:{uid}:{uid}::/:/system/bin/sh"
        for name, uid in {**_SYSTEM_USERS, **_app_users()}.items()
    ]
    return "\n".join(rows) + "\n"


def _group() -> str:
    return "".join(f"{name}:x:{gid}:\n" for name, gid in {**_GROUPS, **_app_users()}.items())


def _app_users() -> dict[str, int]:
    apps = {f"u0_a{number}": _FIRST_APP + number for number in range(_NAMED_IDS)}
    isolated = {f"u0_i{number}": _FIRST_ISOLATED + number for number in range(_NAMED_IDS)}
    return apps | isolated
