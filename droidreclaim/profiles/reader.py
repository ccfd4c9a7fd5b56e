"""Read YAML files by a form: all faults of a file at once, each at its place in the text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from droidreclaim import files
from droidreclaim.errors import ProfileError
from droidreclaim.model.profile import Fault
from droidreclaim.profiles import marked

_MOST_FAULTS = 50

_Form = TypeVar("_Form", bound=BaseModel)


def read_form(data: bytes, form: type[_Form]) -> _Form | tuple[Fault, ...]:
    """The *form* filled with what *data* holds, or everything that is wrong there, in its order."""
    if len(data) > marked.MAX_BYTES:
        return (Fault(1, 1, "", f"larger than {marked.MAX_BYTES // 1024} KiB"),)
    encoding = files.encoding_of(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        return (Fault(before.count(b"\n") + 1, column, "", f"not {encoding[:6].upper()}"),)
    read = marked.read(text)
    if read.value is None:
        return tuple(sorted(read.faults))
    try:
        filled = form.model_validate(read.value)
    except ValidationError as error:
        known = {(fault.line, fault.column) for fault in read.faults}
        found = [_fault(read, detail, form) for detail in error.errors(include_url=False)]
        read.faults += [one for one in found if (one.line, one.column) not in known]
    return tuple(sorted(read.faults)) or filled


def faulty(name: str, faults: tuple[Fault, ...]) -> ProfileError:
    """The error that lists *faults* as compilers do, the first of very many."""
    shown = [
        f"{name}:{one.line}:{one.column}: {one.path + ': ' if one.path else ''}{one.message}"
        for one in faults[:_MOST_FAULTS]
    ]
    if len(faults) > _MOST_FAULTS:
        shown.append(f"and {len(faults) - _MOST_FAULTS} more")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ProfileError("\n".join([f"{count} in {name}", *shown]))


def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """A form as JSON Schema, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | form.model_json_schema()


@cache
def _keys(form: type[BaseModel]) -> frozenset[str]:
    """All keys of *form* and of the forms inside it."""
    own = {field.alias or name for name, field in form.model_fields.items()}
    inside = (_forms(field.annotation) for field in form.model_fields.values())
    return frozenset(own.union(*(_keys(one) for forms in inside for one in forms)))


def _forms(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _forms(inner)


def _fault(read: marked.Marked, detail: Any, form: type[BaseModel]) -> Fault:
    """Turn a refusal of the form into a fault at its place; ``at`` names the part to blame."""
    loc = [part for part in detail["loc"] if not str(part).startswith("(")]  # no tag of a union
    path: marked.Path = (*loc, *detail.get("ctx", {}).get("at", ()))
    kind = detail["type"]
    line, column = read.place(path, key=kind == "extra_forbidden")
    return Fault(line, column, marked.path_text(path), _message(kind, path, detail, form))


def _message(kind: str, path: marked.Path, detail: Any, form: type[BaseModel]) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), sorted(_keys(form)), n=1)
        return "no such key here" + (f": {near[0]}?" if near else "")
    if kind == "string_pattern_mismatch" and path[-2:-1] == ("match",):
        return "a package name may hold letters, digits, . _ - and the wildcards * and ?"
    if kind == "tuple_type":
        return "a list is wanted here: [a, b]"
    if kind in ("model_type", "dict_type"):
        return "keys with values are wanted here"
    text = str(detail["msg"]).removeprefix("Value error, ").partition("\n")[0][:300]
    return text.replace("Input should be", "must be")
