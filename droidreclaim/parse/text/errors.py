"""The texts a shell, dumpsys, am, pm or the adb client print in place of an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# An error text stands at the head of an answer, at most after the echo of an intent, linker
# warnings or the title of a dump. Further down, the same words are data (a kill reason, a log row).
_HEAD_LINES = 8
_LONGEST_LINE = 1000

_DUMP_TIMEOUT = re.compile(r"\*\*\* SERVICE '([^'\n]{1,100})' DUMP TIMEOUT")
_JAVA_EXCEPTION = re.compile(r"(?:[a-z]\w{0,60}\.){1,10}[A-Z][\w$]{0,80}(?:Exception|Error)(?::|$)")
_AVC = re.compile(r"avc: {1,4}denied {1,4}\{ (?P<subject>[^}\n]{1,80}) \}")


class ErrorKind(StrEnum):
    """Why there is no answer."""

    TIMEOUT = "timeout"
    PERMISSION = "permission denied"
    SECURITY = "refused by the framework"
    SELINUX = "denied by SELinux"
    NO_COMMAND = "no such command"
    UNKNOWN_COMMAND = "unknown subcommand or option"
    NO_SERVICE = "no such service"
    NO_PACKAGE = "no such package"
    NO_PROCESS = "no such process"
    NO_FILE = "no such file"
    BAD_ARGUMENT = "bad argument"
    ADB = "adb client error"
    CRASHED = "the command crashed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ErrorText:
    """
    An error found where an answer was expected.

    Attributes:
        subject: What it is about (command, path, package, service) as printed, or "".
        line_number: 1-based.
        line: The line as printed, without its end.
    """

    kind: ErrorKind
    subject: str
    line_number: int
    line: str


# What toybox, mksh and libc put at the end: "head: PATH: Permission denied".
_SUFFIXES = (
    (": inaccessible or not found", ErrorKind.NO_COMMAND),
    (": not found", ErrorKind.NO_COMMAND),
    (": Permission denied", ErrorKind.PERMISSION),
    (": Operation not permitted", ErrorKind.PERMISSION),
    (": No such file or directory", ErrorKind.NO_FILE),
    (": No such process", ErrorKind.NO_PROCESS),
    (": Invalid argument", ErrorKind.BAD_ARGUMENT),
    (": Is a directory", ErrorKind.BAD_ARGUMENT),
    (": Read-only file system", ErrorKind.PERMISSION),
    (": Broken pipe", ErrorKind.FAILED),
    (": Operation not supported", ErrorKind.FAILED),
    (": Operation not supported on transport endpoint", ErrorKind.FAILED),
    (": Function not implemented", ErrorKind.FAILED),
    (": I/O error", ErrorKind.FAILED),
    (": Input/output error", ErrorKind.FAILED),
    (": Device or resource busy", ErrorKind.FAILED),
    (": No such device", ErrorKind.FAILED),
    (": Connection refused", ErrorKind.FAILED),
    (": Cannot allocate memory", ErrorKind.FAILED),
    (": Out of memory", ErrorKind.FAILED),
    (": No space left on device", ErrorKind.FAILED),
)

# What the framework's commands and the adb client put at the start. Longer ones first.
_PREFIXES = (
    ("Can't find service: ", ErrorKind.NO_SERVICE),
    ("cmd: Can't find service: ", ErrorKind.NO_SERVICE),
    ("Permission Denial: ", ErrorKind.SECURITY),
    ("Security exception: ", ErrorKind.SECURITY),
    ("Error: java.lang.SecurityException", ErrorKind.SECURITY),
    ("Unknown command: ", ErrorKind.UNKNOWN_COMMAND),
    ("Unknown option: ", ErrorKind.UNKNOWN_COMMAND),
    ("Error: Unknown option: ", ErrorKind.UNKNOWN_COMMAND),
    ("Error: unknown command ", ErrorKind.UNKNOWN_COMMAND),
    ("Error: Unknown command: ", ErrorKind.UNKNOWN_COMMAND),
    ("Bad activity command, or no activities match: ", ErrorKind.UNKNOWN_COMMAND),
    ("Unable to find package: ", ErrorKind.NO_PACKAGE),
    ("Unknown package: ", ErrorKind.NO_PACKAGE),
    ("No process found for: ", ErrorKind.NO_PROCESS),
    ("Exception occurred while executing ", ErrorKind.CRASHED),
    ("Failure calling service ", ErrorKind.FAILED),
    ("cmd: Failure calling service ", ErrorKind.FAILED),
    ("Failed transaction ", ErrorKind.FAILED),
    ("Failure [", ErrorKind.FAILED),
    ("Error dumping service info: ", ErrorKind.FAILED),
    ("Error with service '", ErrorKind.FAILED),
    ("Failed to dump service ", ErrorKind.FAILED),
    ("- exec '", ErrorKind.NO_COMMAND),
    ("protocol fault (", ErrorKind.ADB),
    ("Error: ", ErrorKind.FAILED),
    ("Error type ", ErrorKind.FAILED),
    ("error: ", ErrorKind.ADB),
    ("adb: ", ErrorKind.ADB),
)


_MISUSES = ("not integer: ", "Unknown option ", "Unknown command ", "bad ")

# What a shell says of a command that a signal ended.
_ENDED = ("Killed", "Terminated", "Aborted", "Segmentation fault", "Bus error")


def find_error(text: str) -> ErrorText | None:
    """
    The error a text starts with or a dump timeout anywhere in it, None when it may be an answer.

    Of several the one that says most: the exception, not the frame "Exception occurred while ...".
    """
    found = None
    for number, line in _head(text):
        error = _read_line(number, line)
        if error is not None and (found is None or found.kind is ErrorKind.CRASHED):
            found = error
    return found or _find_timeout(text)


def _head(text: str) -> list[tuple[int, str]]:
    head = [line.rstrip() for line in text[: _HEAD_LINES * _LONGEST_LINE].split("\n")]
    numbered = [(number, line) for number, line in enumerate(head, start=1) if line]
    return [
        (number, line)
        for number, line in numbered[:_HEAD_LINES]
        if not line[0].isspace() and len(line) <= _LONGEST_LINE  # indented lines are data
    ]


def _find_timeout(text: str) -> ErrorText | None:
    match = _DUMP_TIMEOUT.search(text)
    if match is None:
        return None
    number = text.count("\n", 0, match.start()) + 1
    line = text[match.start() : match.start() + 200].split("\n", 1)[0].rstrip()
    return ErrorText(ErrorKind.TIMEOUT, match[1], number, line)


def _read_line(number: int, line: str) -> ErrorText | None:
    for prefix, kind in _PREFIXES:
        if line.startswith(prefix):
            return ErrorText(kind, line[len(prefix) :].strip("'"), number, line)
    for suffix, kind in _SUFFIXES:
        if line.endswith(suffix):
            subject = line[: -len(suffix)].rpartition(": ")[2].removeprefix("can't create ")
            return ErrorText(kind, subject, number, line)
    if line.removesuffix(" (core dumped)").strip() in _ENDED:
        return ErrorText(ErrorKind.CRASHED, line, number, line)
    return _read_exception(number, line) or _read_other(number, line)


def _read_exception(number: int, line: str) -> ErrorText | None:
    if _JAVA_EXCEPTION.match(line) is None:
        return None
    name, _, message = line.partition(": ")
    if "Unknown package: " in message:
        return ErrorText(ErrorKind.NO_PACKAGE, message.rpartition(": ")[2], number, line)
    security = name.endswith("SecurityException")
    return ErrorText(
        ErrorKind.SECURITY if security else ErrorKind.CRASHED, message or name, number, line
    )


def _read_other(number: int, line: str) -> ErrorText | None:
    avc = _AVC.search(line)
    if avc and "permissive=1" not in line:  # a permissive domain was logged, not stopped
        return ErrorText(ErrorKind.SELINUX, avc["subject"], number, line)
    command, _, problem = line.partition(": ")
    if command.isalnum() and problem.startswith(_MISUSES):
        return ErrorText(ErrorKind.BAD_ARGUMENT, problem.rpartition(": ")[2], number, line)
    return None
