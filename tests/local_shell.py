"""A device that is this machine's own shell: real commands, real exit codes, no adb."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from droidreclaim.device import Channel, CommandResult


class LocalShell:
    """`droidreclaim.device.Device` over subprocess; commands named in *answers* are files' text."""

    serial = "local"
    model = None

    def __init__(self, functions: str = "", shell: str = "sh") -> None:
        """*functions*: shell text in front of every script, to stand in for Android's programs."""
        self._functions = functions
        self._shell = shell

    def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        words = list(argv)
        if words[:2] == ["sh", "-c"]:
            words = [self._shell, "-c", f"{self._functions}\n{words[2]}", *words[3:]]
        done = subprocess.run(
            words, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
        return CommandResult(done.stdout, done.stderr, done.returncode)

    def open(self, argv: Sequence[str], *, timeout_s: float) -> Channel:
        raise NotImplementedError
