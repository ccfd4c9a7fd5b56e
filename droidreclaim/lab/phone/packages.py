"""Debian packages for the phone, fetched by the host's own apt and unpacked without root."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from droidreclaim.errors import DroidReclaimError, NotPossible

USERLAND = ("python3-minimal", "libpython3-stdlib", "mksh", "toybox")
KERNELS = ("linux-image-cloud-amd64", "linux-image-virtual")  # Debian, Ubuntu
TIMEOUT_S = 900.0


def kernel_packages() -> tuple[str, ...]:
    """
    Names of the packages that hold the newest small kernel and its modules.

    Raises:
        NotPossible: apt knows neither Debian's nor Ubuntu's.
    """
    for name in KERNELS:
        try:
            listing = run(["apt-cache", "depends", "--important", name]).decode()
        except DroidReclaimError:
            continue  # unknown to this distribution
        for image in re.findall(r"Depends: (linux-image-\d\S*)", listing):
            return (image,) if name == KERNELS[0] else (image, image.replace("image", "modules", 1))
    raise NotPossible(
        "apt offers no kernel for the pocket phone", hint="run 'apt-get update', or use an AVD"
    )


def fetch_kernel(target: Path) -> None:
    """Download and unpack the kernel into *target*; none of its dependencies is wanted."""
    debs = target / "debs"
    debs.mkdir(parents=True)
    run(["apt-get", "download", *kernel_packages()], cwd=debs)
    _unpack(debs.glob("*.deb"), target)


def fetch_userland(target: Path) -> None:
    """
    Download the userland with its dependencies and unpack it into *target*.

    apt solves against an empty dpkg status, so that it fetches what the host has installed, too.
    """
    debs = target / "debs"
    (debs / "partial").mkdir(parents=True)
    status = target / "status"
    status.touch()
    run(
        [
            *("apt-get", "install", "--yes", "--download-only", "--no-install-recommends"),
            *("-o", f"Dir::State::status={status}"),
            *("-o", f"Dir::Cache::archives={debs}"),
            *("-o", "Dir::Cache::pkgcache="),  # the host's would be read, and belongs to root
            *("-o", "Dir::Cache::srcpkgcache="),
            *("-o", "pkgCacheGen::Essential=none"),
            *("-o", "Debug::NoLocking=1"),
            *USERLAND,
        ]
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
