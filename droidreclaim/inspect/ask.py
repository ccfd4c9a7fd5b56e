"""Several fixed questions to a device's shell in one round trip, as root or as it comes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError

_MARKED = r"^{mark} (?P<name>[\w-]+)\n(?P<text>.*?)\n?^{mark} exit (?P<code>\d+)$"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command printed, stderr included, and how it ended."""

    text: str
    exit_code: int

    @property
    def ok(self) -> bool:
        """It ended well and said something."""
        return self.exit_code == 0 and bool(self.text.strip())

    @property
    def errno(self) -> str:
        """Why not, in one word where the words of the shell are known ones."""
        for words, name in _ERRNOS.items():
            if words in self.text:
                return name
        last = self.text.strip().splitlines()[-1:]
        return last[0][:80] if last else f"exit {self.exit_code}"


_ERRNOS = {
    "No such file": "ENOENT",
    "Permission denied": "EACCES",
    "Operation not permitted": "EPERM",
    "Operation not supported": "EOPNOTSUPP",
    "not found": "ENOENT",
    "Invalid argument": "EINVAL",
}


def ask(
    device: Device, commands: Mapping[str, str], way: RootWay | None, *, timeout_s: float
) -> dict[str, Answer]:
    """
    Run fixed *commands* one after the other; their text never comes from outside this program.

    Raises:
        DeviceError: the device was lost or did not answer in time.
        ParseError: what came back is not the answers.
    """
    mark = f"@{secrets.token_hex(8)}"
    script = "\n".join(
        f"echo '{mark} {name}'; ( {command}\n) 2>&1 </dev/null; code=$?; echo; "
        f'echo "{mark} exit $code"'
        for name, command in commands.items()
    )
    argv = ["sh", "-c", script]
    result = device.run(way.wrap(argv) if way else argv, timeout_s=timeout_s)
    pattern = re.compile(_MARKED.format(mark=re.escape(mark)), re.MULTILINE | re.DOTALL)
    text = result.text.replace("\r\n", "\n")
    answers = {m["name"]: Answer(m["text"], int(m["code"])) for m in pattern.finditer(text)}
    if set(answers) != set(commands):
        hint = f"{len(commands) - len(answers)} of {len(commands)} answers are missing"
        raise ParseError(f"{device.serial}: sh", 1, text[:80], hint=hint)
    return answers
