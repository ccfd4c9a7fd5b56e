"""The helper of this machine as a channel: the real binary, without adb in between."""

from __future__ import annotations

import json
import platform
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from droidreclaim.errors import DeviceLost, DeviceTimeout

_BIN = Path(__file__).parent.parent / "droidreclaim" / "helper" / "bin"
_ABI = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}


def helper_path() -> Path:
    """The helper built for this machine (``python hatch_build.py`` builds it)."""
    return _BIN / _ABI[platform.machine()] / "droidreclaim-helper"


def build_hash() -> str:
    """Return the hash of the build that the package's helpers announce."""
    return str(json.loads((_BIN / "helpers.json").read_text())["build"])


class ProcessChannel:
    """A program of this machine behind two pipes."""

    def __init__(self, argv: Sequence[str | Path]) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
        except (BrokenPipeError, ValueError) as error:
            raise DeviceLost("the helper is gone") from error

    def read(self, timeout_s: float) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        if not ready:
            raise DeviceTimeout("the helper said nothing")
        return self.process.stdout.read(65536) or b""

    @property
    def stderr(self) -> bytes:
        assert self.process.stderr is not None
        ready, _, _ = select.select([self.process.stderr], [], [], 0)
        return (self.process.stderr.read(65536) or b"") if ready else b""

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)


class PipeChannel(ProcessChannel):
    """``droidreclaim-helper serve`` behind two pipes."""

    def __init__(self, *arguments: str) -> None:
        super().__init__([helper_path(), "serve", *arguments])
