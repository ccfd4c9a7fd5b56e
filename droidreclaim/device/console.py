"""
The emulator's console: which AVD an emulator runs, and where its files are.

``emulator-5554`` has its console on port 5554 of the machine it runs on. It greets with lines up
to ``OK``, wants the token of ``~/.emulator_console_auth_token``, and answers each command with
lines up to ``OK`` or ``KO: reason``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from droidreclaim.device.attached import Attached
from droidreclaim.device.link import Deadline, Link
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, SeveralDevices

_ANSWER_S = 2.0
_TOKEN = re.compile(r"[\w+/=-]{1,256}")
_SERIAL = re.compile(r"emulator-([0-9]{1,5})")
_END = re.compile(rb"(?:^|\n)(?:OK|KO[^\n]*)\r?\n$")
_MOST_BYTES = 64 * 1024


def avd_name(serial: str) -> str | None:
    """Name of the AVD that an emulator of this machine runs; None where it does not say."""
    return next(iter(_answer_to(serial, "avd name")), None)


def avd_folder(serial: str) -> Path | None:
    """Folder of its files, with ``config.ini``; None where it does not say."""
    said = next(iter(_answer_to(serial, "avd path")), None)
    return Path(said) if said and Path(said).is_absolute() else None


def serial_of(server: Server, listed: Sequence[Attached], name: str) -> str | None:
    """
    Serial of the attached emulator that runs the AVD *name*; None where none does.

    Raises:
        SeveralDevices: more than one does (``emulator -read-only``).
    """
    if not server.may_be_started:  # another machine: its consoles listen there alone
        return None
    wanted = name.replace(" ", "_")
    found = [
        one.serial
        for one in listed
        if one.kind == "emulator" and (avd_name(one.serial) or "").replace(" ", "_") == wanted
    ]
    if len(found) > 1:
        raise SeveralDevices(
            f"{len(found)} emulators run the AVD {name!r}: {', '.join(found)}",
            hint="choose one by its serial",
        )
    return found[0] if found else None


def _answer_to(serial: str, command: str) -> list[str]:
    """Lines that the console answered; none where there is no console, or it refuses."""
    try:
        with _console(serial) as link:
            return _send_command(link, command)
    except (DeviceError, OSError):
        return []


@contextmanager
def _console(serial: str) -> Iterator[Link]:
    matched = _SERIAL.fullmatch(serial)
    if matched is None or not 0 < int(matched[1]) < 65536:
        raise DeviceError(f"{serial}: no emulator of this machine")
    deadline = Deadline(_ANSWER_S)
    connected = socket.create_connection(("127.0.0.1", int(matched[1])), timeout=_ANSWER_S)
    link = Link(connected, f"{serial}: its console", deadline)
    try:
        greeting = _answer(link)
        if any("Authentication required" in line for line in greeting):
            _send_command(link, f"auth {_token()}")
        yield link
        link.send(b"quit\r\n")
    finally:
        link.close()


def _token() -> str:
    text = (Path.home() / ".emulator_console_auth_token").read_text("utf-8", "replace").strip()
    if not _TOKEN.fullmatch(text):
        raise DeviceError("~/.emulator_console_auth_token holds no token")
    return text


def _send_command(link: Link, command: str) -> list[str]:
    link.send(f"{command}\r\n".encode())
    return _answer(link)


def _answer(link: Link) -> list[str]:
    """Lines before ``OK``."""
    data = b""
    while not _END.search(data):
        came = link.recv(4096)
        if not came or len(data) > _MOST_BYTES:
            raise DeviceError(f"{link.who} does not answer as one")
        data += came
    *lines, end = data.decode("utf-8", "replace").split("\n")[:-1]
    if end.startswith("KO"):
        raise DeviceError(f"{link.who}: {end.strip()[:200]}")
    return [line.strip() for line in lines]
