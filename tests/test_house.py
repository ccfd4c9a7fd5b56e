"""The layers: imports go down, one module imports adbutils, pure modules do no I/O."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
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
    {"qa", "top"},
    {"fleet"},
    {"lab"},
    {"testing"},
    {"cli", "pytest_plugin"},
    {"__main__"},
)
_FLOOR = {name: floor for floor, names in enumerate(_FLOORS) for name in names}
_PURE = ("parse", "snapshot", "policy", "report")
_DEVICE_SCRIPTS = _PACKAGE.parent / "device-scripts"
_C_SHARED = "common"
_C_ROOMS = ("helper", "guard", "pressure")  # one program each
_C_INCLUDE = re.compile(r'^#include "(\w+)\.h"', re.MULTILINE)
_C_EXTERN = re.compile(r"^extern [^;]*?(\w+)(?:\[\])?;", re.MULTILINE)
_DOES_IO = {"os", "subprocess", "socket", "pathlib", "sys", "time", "threading"}


@cache
def modules() -> tuple[tuple[str, Path, ast.Module], ...]:
    """Each module with the name of its room; the phone's own programs run elsewhere."""
    return tuple(
        (inside.parts[0].removesuffix(".py"), path, ast.parse(path.read_text("utf-8")))
        for path in sorted(_PACKAGE.rglob("*.py"))
        if "guest" not in (inside := path.relative_to(_PACKAGE)).parts
        and inside.parts != ("__init__.py",)
    )


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


def c_includes() -> dict[Path, set[str]]:
    """The headers of ours that each C file names, by the file's path below device-scripts."""
    return {
        path.relative_to(_DEVICE_SCRIPTS): set(_C_INCLUDE.findall(path.read_text("utf-8")))
        for room in (*_C_ROOMS, _C_SHARED)
        for path in sorted((_DEVICE_SCRIPTS / room).glob("*.[ch]"))
    }


def c_globals(room: str) -> set[str]:
    """What a room's headers declare with ``extern``."""
    return {
        name
        for path in (_DEVICE_SCRIPTS / room).glob("*.h")
        for name in _C_EXTERN.findall(path.read_text("utf-8"))
    }


def test_a_c_program_stands_on_what_all_share_and_not_on_another_program() -> None:
    rooms = {path.stem: path.parts[0] for path in c_includes() if path.suffix == ".h"}
    wrong = [
        f"{path} includes {header}.h"
        for path, headers in c_includes().items()
        for header in headers
        if rooms[header] not in (path.parts[0], _C_SHARED)
    ]
    assert wrong == []


def test_no_c_files_need_each_other_in_a_circle() -> None:
    needs: dict[str, set[str]] = {}
    for path, headers in c_includes().items():
        needs.setdefault(path.stem, set()).update(headers - {path.stem})
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError, with the circle


def test_the_programs_share_no_state_through_globals() -> None:
    constant, set_once = {"event_none"}, {"guard_dir_fd"}
    assert {name for room in _C_ROOMS for name in c_globals(room)} <= constant | set_once


def test_every_module_serves_a_command_the_api_or_the_plugin() -> None:
    """A module that no command, API or plugin uses is deleted, not kept for later."""
    trees = {
        ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts): tree
        for _, path, tree in modules()
    }
    entries = ("cli", "session", "testing", "pytest_plugin", "__main__")
    todo = [name for name in trees if name.split(".")[1] in entries]
    reached: set[str] = set()
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        found = set(imported(trees[name]))
        for node in ast.walk(trees[name]):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{one.name}" for one in node.names}
        todo += [known for one in found for known in (one, f"{one}.__init__") if known in trees]
    assert {name for name in trees if not name.endswith("__init__")} - reached == set()


def test_every_reader_is_called_by_something() -> None:
    sources = [path.read_text("utf-8") for _, path, _ in modules()]
    readers = {
        node.name
        for room, _, tree in modules()
        if room == "parse"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    words = Counter(word for text in sources for word in re.findall(r"\w+", text))
    assert {name for name in readers if words[name] < 2} == set()
