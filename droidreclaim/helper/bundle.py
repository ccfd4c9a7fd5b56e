"""The helper programs that this package carries, one for each ABI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from droidreclaim.errors import NotPossible

_PROGRAM = "droidreclaim-helper"


@dataclass(frozen=True, slots=True)
class Helper:
    """
    One program of the package.

    Attributes:
        sha256: In hex, as all its hashes; the older two are for devices that have nothing better.
    """

    abi: str
    sha256: str
    sha1: str
    md5: str
    size_bytes: int
    program: Traversable

    @property
    def name(self) -> str:
        """What it is called on a device: another content has another name."""
        return f"helper-{self.sha256[:16]}"

    def read(self) -> bytes:
        """
        The program itself.

        Raises:
            NotPossible: the package on this machine is damaged.
        """
        data = self.program.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise NotPossible(f"the helper for {self.abi} is damaged", hint="install again")
        return data


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    Every helper of the package.

    Attributes:
        build: Names the sources they were built from; the handshake compares it.
        helpers: By ABI, as Android names it.
    """

    build: str
    protocol: int
    helpers: Mapping[str, Helper]


def load_bundle(folder: Traversable | None = None) -> Bundle:
    """
    Read what the build wrote next to the programs, by default the package's own.

    Raises:
        NotPossible: there is none: a source tree in which nothing was built.
    """
    if folder is None:
        folder = files("droidreclaim") / "helper" / "bin"
    try:
        written = json.loads((folder / "helpers.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotPossible(
            "this installation carries no helper", hint="run 'pip install .' or hatch_build.py"
        ) from error
    helpers = {
        abi: Helper(
            abi=abi,
            sha256=entry["sha256"],
            sha1=entry["sha1"],
            md5=entry["md5"],
            size_bytes=entry["bytes"],
            program=folder / abi / _PROGRAM,
        )
        for abi, entry in written["helpers"].items()
    }
    return Bundle(written["build"], written["protocol"], helpers)
