"""Several fixed questions to a device's shell in one round trip, as root or as it comes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import is_linker_warning
from droidreclaim.units import plural

_T = TypeVar("_T")
_MARKED = (
    r"^{mark} (?P<name>[\w-]+)\n(?P<text>.*?)\n?^{mark} stderr\n(?P<said>.*?)\n?"
    r"^{mark} exit (?P<code>[0-9]{{1,3}})$"
)
# The shell itself keeps stderr apart and tells it afterwards: on each transport and behind each su.
_ONE = """
echo '{mark} {name}'
{{ said=$( ( {command}
) 2>&1 >&3 3>&- </dev/null ); code=$?; }} 3>&1
echo; echo '{mark} stderr'; echo "$said"; echo "{mark} exit $code"
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command printed, and how it ended; *error_text* is what it wrote to stderr."""

    text: str
    exit_code: int
    error_text: str = ""

    @property
    def ok(self) -> bool:
        """It ended well and said something."""
        return self.exit_code == 0 and bool(self.text.strip())

    @property
    def silent(self) -> bool:
        """It ended well and said nothing."""
        return self.exit_code == 0 and not self.text.strip()

    @property
    def errno(self) -> str:
        """Why not, in one word where the words of the shell are known ones."""
        lines = [*self.text.splitlines(), *self.error_text.splitlines()]
        said = [line.strip() for line in lines if line.strip() and not is_linker_warning(line)]
        for words, name in _ERRNOS.items():
            if any(words in line for line in said):
                return name
        return said[-1][:80] if said else f"exit {self.exit_code}"

    def read(self, parse: Callable[[str], _T]) -> _T:
        """
        What it printed, as *parse* reads it.

        Raises:
            ParseError: it cannot be read; the hint then says what stands in stderr.
        """
        try:
            return parse(self.text)
        except ParseError as error:
            raise error.beside(self.error_text) from error


_ERRNOS = {
    "No such file": "ENOENT",
    "Permission denied": "EACCES",
    "Operation not permitted": "EPERM",
    "Operation not supported": "EOPNOTSUPP",
    "not found": "ENOENT",
    "Invalid argument": "EINVAL",
}


def ask_device(
    device: Device, commands: Mapping[str, str], way: RootWay | None, *, timeout_s: float
) -> dict[str, Answer]:
    """
    Run fixed *commands* one after the other; their text never comes from outside this program.

    Raises:
        DeviceError: the device was lost or did not answer in time.
        ParseError: what came back is not the answers.
    """
    mark = f"@{secrets.token_hex(8)}"
    script = "".join(
        _ONE.format(mark=mark, name=name, command=command) for name, command in commands.items()
    )
    argv = ["sh", "-c", script]
    result = device.run(way.wrap(argv) if way else argv, timeout_s=timeout_s)
    pattern = re.compile(_MARKED.format(mark=re.escape(mark)), re.MULTILINE | re.DOTALL)
    text = result.text.replace("\r\n", "\n")
    answers = {
        m["name"]: Answer(m["text"], int(m["code"]), m["said"]) for m in pattern.finditer(text)
    }
    if set(answers) != set(commands):
        missing = len(commands) - len(answers)
        are = "is" if missing == 1 else "are"
        hint = f"{missing} of {plural(len(commands), 'answer')} {are} missing"
        error = ParseError(f"{device.serial}: sh", 1, text[:80], hint=hint)
        raise error.beside(result.error_text)
    return answers
