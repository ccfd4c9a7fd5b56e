"""The house: imports go down, one module knows adbutils, and the pure ones do no I/O."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent / "droidreclaim"
# DESIGN's floors; the second is three here: policy stands on snapshot, and report on both.
_FLOORS = (
    {"errors", "units", "escape", "files", "model", "records"},
    {"device", "parse", "profiles"},
    {"helper", "snapshot"},
    {"policy"},
    {"report"},
    {"reclaim", "inspect", "guard"},
    {"session"},
    {"qa"},
    {"lab"},
    {"testing"},
    {"cli", "pytest_plugin"},
    {"__main__"},
)
_FLOOR = {name: floor for floor, names in enumerate(_FLOORS) for name in names}
_PURE = ("parse", "snapshot", "policy", "report")
_DOES_IO = {"os", "subprocess", "socket", "pathlib", "sys", "time", "threading"}


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    """Each module with the name of its room; the phone's own programs run elsewhere."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        inside = path.relative_to(_PACKAGE)
        if "guest" not in inside.parts and inside.parts != ("__init__.py",):
            yield inside.parts[0].removesuffix(".py"), path, ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "droidreclaim":
            yield from (f"droidreclaim.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_imports_go_down_and_never_up_or_sideways() -> None:
    wrong = [
        f"{path.relative_to(_PACKAGE)} imports {name}"
        for room, path, tree in modules()
        for name in imported(tree)
        if name.startswith("droidreclaim.")
        and (other := name.split(".")[1]) != room
        and other in _FLOOR
        and _FLOOR[other] >= _FLOOR[room]
        and not (room == "errors" or other == "errors")
    ]
    assert wrong == []


def test_only_one_module_imports_adbutils() -> None:
    users = {
        str(path.relative_to(_PACKAGE))
        for _, path, tree in modules()
        for name in imported(tree)
        if name.split(".")[0] == "adbutils"
    }
    assert users == {"device/adb.py"}


def test_the_pure_rooms_import_nothing_that_does_io() -> None:
    wrong = [
        f"{path.relative_to(_PACKAGE)} imports {name}"
        for room, path, tree in modules()
        if room in _PURE
        for name in imported(tree)
        if name.split(".")[0] in _DOES_IO
    ]
    assert wrong == []


def test_nothing_outside_the_command_line_imports_it() -> None:
    wrong = [
        f"{path.relative_to(_PACKAGE)} imports {name}"
        for room, path, tree in modules()
        if room not in ("cli", "__main__")
        for name in imported(tree)
        if (name + ".").startswith("droidreclaim.cli.")
    ]
    assert wrong == []


def test_every_room_stands_on_a_floor() -> None:
    assert {room for room, _, _ in modules()} == set(_FLOOR)
