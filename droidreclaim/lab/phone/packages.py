"""Debian packages for the phone, fetched by the host's own apt and unpacked without root."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from droidreclaim.errors import DroidReclaimError, NotPossible
from droidreclaim.lab.phone.arch import Arch

USERLAND = ("python3-minimal", "libpython3-stdlib", "mksh", "toybox")
TIMEOUT_S = 900.0
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with options of its own; without any it is the host's."""

    arch: Arch
    options: tuple[str, ...] = ()

    def run(self, program: str, *words: str, cwd: Path | None = None) -> bytes:
        """
        Standard output of ``apt-get`` or ``apt-cache``.

        Raises:
            NotPossible, DroidReclaimError: as `run`.
        """
        return run([program, *self.options, *words], cwd=cwd)


def apt_for(arch: Arch, folder: Path) -> Apt:
    """
    The apt that knows packages for *arch*: one of another Debian has its lists below *folder*.

    Raises:
        NotPossible: this host's apt knows no mirror of Debian.
        DroidReclaimError: the lists could not be fetched.
    """
    if arch.suite is None:
        return Apt(arch)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {arch.suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": folder / "none",
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": arch.debian,
        "APT::Architectures": arch.debian,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # the folder is ours alone
    }
    apt = Apt(arch, tuple(w for key, value in settings.items() for w in ("-o", f"{key}={value}")))
    apt.run("apt-get", "update")
    return apt


def _mirror() -> str:
    """Address of the Debian mirror that this host's apt uses."""
    words = ["apt-get", "indextargets", "--format", "$(SITE)"]
    found = run([*words, "Created-By: Packages", "Origin: Debian"]).decode().split()
    if not found or not Path(_KEYRING).exists():
        raise NotPossible(
            "this host's apt knows no mirror of Debian, which has the phone's kernel for arm64",
            hint="a phone of --arch x86_64 needs none",
        )
    return found[0]


def kernel_packages(apt: Apt) -> tuple[str, ...]:
    """
    Names of the packages that hold the newest small kernel and its modules.

    Raises:
        NotPossible: apt knows neither Debian's nor Ubuntu's.
    """
    for name in apt.arch.kernels:
        try:
            listing = apt.run("apt-cache", "depends", "--important", name).decode()
        except DroidReclaimError:
            continue  # unknown to this distribution
        for image in re.findall(r"Depends: (linux-image-\d\S*)", listing):
            is_ubuntu = name.endswith("-virtual")
            return (image, image.replace("image", "modules", 1)) if is_ubuntu else (image,)
    raise NotPossible(
        "apt offers no kernel for the pocket phone", hint="run 'apt-get update', or use an AVD"
    )


def fetch_kernel(apt: Apt, target: Path) -> None:
    """Download and unpack the kernel into *target*; none of its dependencies is wanted."""
    debs = target / "debs"
    debs.mkdir(parents=True)
    apt.run("apt-get", "download", *kernel_packages(apt), cwd=debs)
    _unpack(debs.glob("*.deb"), target)


def fetch_userland(apt: Apt, target: Path) -> None:
    """
    Download the userland with its dependencies and unpack it into *target*.

    apt solves against an empty dpkg status, so that it fetches what the host has installed, too.
    """
    debs = target / "debs"
    (debs / "partial").mkdir(parents=True)
    status = target / "status"
    status.touch()
    apt.run(
        "apt-get",
        *("install", "--yes", "--download-only", "--no-install-recommends"),
        *("-o", f"Dir::State::status={status}"),
        *("-o", f"Dir::Cache::archives={debs}"),
        *("-o", "Dir::Cache::pkgcache="),  # the host's cache would be read, and belongs to root
        *("-o", "Dir::Cache::srcpkgcache="),
        *("-o", "pkgCacheGen::Essential=none"),
        *("-o", "Debug::NoLocking=1"),
        *USERLAND,
    )
    _unpack(debs.glob("*.deb"), target)


def _unpack(debs: Iterable[Path], target: Path) -> None:
    for deb in sorted(debs):
        run(["dpkg-deb", "--extract", str(deb), str(target)])
        deb.unlink()


def run(
    argv: list[str],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    input_bytes: bytes = b"",
) -> bytes:
    """
    Standard output of a host program that must succeed.

    Raises:
        NotPossible: there is no such program.
        DroidReclaimError: it failed, with its last words, or took too long.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            input=input_bytes,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise NotPossible(
            f"{argv[0]}: {error.strerror}", hint="'droidreclaim phone setup' installs it"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DroidReclaimError(f"{argv[0]} did not end within {TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise DroidReclaimError(f"{' '.join(argv[:2])}: {lines[-1]}")
    return done.stdout


def find_tool(name: str) -> str | None:
    """Path of a host program, also of those that only root has in PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
