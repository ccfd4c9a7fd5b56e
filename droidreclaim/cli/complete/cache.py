"""What completion remembers between two key presses, in the user's cache."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from droidreclaim.cli.complete.words import Table

_TABLE, _PACKAGES = "completion.json", "packages.json"
_MOST_BYTES = 1 << 20
_MOST_DEVICES = 16
_MOST_PACKAGES = 5000
_IN_A_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._")


def folder() -> str:
    """$DROIDRECLAIM_CACHE_DIR, else where platformdirs has it, which would take 15 ms to ask."""
    chosen = os.environ.get("DROIDRECLAIM_CACHE_DIR")
    if chosen:
        return chosen
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA", home), "droidreclaim", "Cache")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "droidreclaim")
    base = os.environ.get("XDG_CACHE_HOME", "").strip()
    return os.path.join(base or os.path.join(home, ".cache"), "droidreclaim")


def key() -> str:
    """Name of the command line that is installed; each has a table of its own."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    newest = max(
        entry.stat().st_mtime_ns
        for name in (here, os.path.join(here, "lab"))
        for entry in os.scandir(name)
        if entry.name.endswith(".py")
    )
    return f"{here} {newest}"


def table() -> Table | None:
    """The table that was kept; None where there is none, or one of another command line."""
    kept = _load(_TABLE)
    commands = kept.get("commands")
    if kept.get("key") != key() or not isinstance(commands, dict):
        return None
    for command in commands.values():
        if not isinstance(command, dict) or not all(map(_texts, command.values())):
            return None
    return commands


def keep_table(commands: Table) -> None:
    """Keep the table for the next key press; without a cache, each press makes it anew."""
    _save(_TABLE, {"key": key(), "commands": commands})


def packages(serial: str | None) -> list[str]:
    """Packages that ps saw on a device; those of every device where *serial* is None."""
    kept = {name: value for name, value in _load(_PACKAGES).items() if isinstance(value, list)}
    chosen = kept.get(serial, []) if serial else [one for names in kept.values() for one in names]
    return sorted({one for one in chosen if isinstance(one, str) and _IN_A_NAME.issuperset(one)})


def keep_packages(serial: str, names: Iterable[str]) -> None:
    """Remember what runs on a device; the devices seen longest ago are forgotten."""
    fitting = sorted({one for one in names if one and _IN_A_NAME.issuperset(one)})[:_MOST_PACKAGES]
    others = {name: value for name, value in _load(_PACKAGES).items() if name != serial}
    kept = {serial: fitting} | dict(list(others.items())[: _MOST_DEVICES - 1])
    _save(_PACKAGES, kept)


def _texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _load(name: str) -> dict[str, Any]:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:  # not droidreclaim.records, whose import takes a quarter of the time of a key press
        with os.fdopen(os.open(os.path.join(folder(), name), flags), "rb") as file:
            value = json.loads(file.read(_MOST_BYTES) or b"")
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _save(name: str, value: dict[str, Any]) -> None:
    """Replace the file whole: two commands may write at once."""
    path = os.path.join(folder(), name)
    text = json.dumps(value)
    if len(text) > _MOST_BYTES:
        return
    try:
        os.makedirs(folder(), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError:
        return
