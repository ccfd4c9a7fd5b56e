"""The programs for devices that this package carries, each for every ABI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from droidreclaim.errors import NotPossible

_LISTINGS = {"helper": "helpers.json", "guard": "guards.json", "pressure": "pressures.json"}


@dataclass(frozen=True, slots=True)
class Helper:
    """
    One program of the package.

    Attributes:
        kind: ``helper``, ``guard`` (the daemon) or ``pressure``.
        sha256: In hex, as all its hashes; the older two are for devices that have nothing better.
    """

    kind: str
    abi: str
    sha256: str
    sha1: str
    md5: str
    size_bytes: int
    program: Traversable

    @property
    def name(self) -> str:
        """What it is called on a device: another content has another name."""
        return f"{self.kind}-{self.sha256[:16]}"

    def read(self) -> bytes:
        """
        The program itself.

        Raises:
            NotPossible: the package on this machine is damaged.
        """
        data = self.program.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise NotPossible(f"the {self.kind} for {self.abi} is damaged", hint="install again")
        return data


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    One kind of program, for every ABI.

    Attributes:
        build: Names the sources they were built from; the handshake compares it.
        helpers: By ABI, as Android names it.
    """

    build: str
    protocol: int
    helpers: Mapping[str, Helper]


def load_bundle(folder: Traversable | None = None, kind: str = "helper") -> Bundle:
    """
    Read what the build wrote next to the programs, by default the package's own.

    Args:
        kind: ``helper``, ``guard`` (the daemon) or ``pressure``.

    Raises:
        NotPossible: there is none: a source tree in which nothing was built.
    """
    if folder is None:
        folder = files("droidreclaim") / "helper" / "bin"
    try:
        written = json.loads((folder / _LISTINGS[kind]).read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotPossible(
            f"this installation carries no {kind}", hint="run 'pip install .' or hatch_build.py"
        ) from error
    helpers = {
        abi: Helper(
            kind=kind,
            abi=abi,
            sha256=entry["sha256"],
            sha1=entry["sha1"],
            md5=entry["md5"],
            size_bytes=entry["bytes"],
            program=folder / abi / f"droidreclaim-{kind}",
        )
        for abi, entry in written["helpers"].items()
    }
    return Bundle(written["build"], written["protocol"], helpers)
