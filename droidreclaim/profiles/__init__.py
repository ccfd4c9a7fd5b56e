"""Profiles of the guard: from YAML to frozen values, and on to the guard's own lines."""

from __future__ import annotations

import difflib
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from droidreclaim import files
from droidreclaim.errors import ProfileError, UsageError
from droidreclaim.model.profile import Fault, Profile, Rule, When
from droidreclaim.profiles import marked
from droidreclaim.profiles.form import HowForm, PackageForm, PressureForm, ProfileForm, WhenForm
from droidreclaim.profiles.form import WhoForm as _WhoForm

__all__ = ["Fault", "Profile", "built_in", "check", "lines", "load", "open_profile", "schema"]

Line: TypeAlias = "tuple[str, dict[str, str | int | None]]"

_SUFFIX = ".yaml"
_MOST_FAULTS = 50
_KEYS = {
    field.alias or name
    for form in (ProfileForm, WhenForm, PressureForm, _WhoForm, HowForm, PackageForm)
    for name, field in form.model_fields.items()
}


def built_in() -> dict[str, Path]:
    """The profiles that come along, by name: in a wheel inside the package, else beside it."""
    package = Path(str(resources.files("droidreclaim")))
    carried = [*(package / "profiles").glob(f"*{_SUFFIX}")]
    return {path.stem: path for path in carried or package.parent.glob(f"profiles/*{_SUFFIX}")}


def open_profile(name: str) -> bytes:
    """
    The text of a profile: a built-in one by its name, else of a file.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    known = built_in()
    try:
        return files.read_bytes(known.get(name, Path(name)), marked.MAX_BYTES)
    except UsageError as error:
        hint = f"a file, or one of {', '.join(sorted(known))}"
        why = str(error).removeprefix(f"{name}: ")
        raise UsageError(f"no profile {name!r}: {why}", hint=hint) from error


def check(data: bytes) -> Profile | tuple[Fault, ...]:
    """The profile that *data* holds, or everything that is wrong with it, in its order."""
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
        profile = ProfileForm.model_validate(read.value).value()
    except ValidationError as error:
        known = {(fault.line, fault.column) for fault in read.faults}
        found = [_fault(read, detail) for detail in error.errors(include_url=False)]
        read.faults += [one for one in found if (one.line, one.column) not in known]
    return tuple(sorted(read.faults)) or profile


def load(name: str) -> Profile:
    """
    The profile of that name, or in that file.

    Raises:
        UsageError: there is none, or it cannot be read.
        ProfileError: it has faults; the message has a line for each.
    """
    found = check(open_profile(name))
    if isinstance(found, Profile):
        return found
    raise faulty(name, found)


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


def schema() -> dict[str, Any]:
    """The form of a profile as JSON Schema, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | ProfileForm.model_json_schema()


def lines(profile: Profile) -> tuple[Line, ...]:
    """What the guard is told before it starts: one request each, in this order."""
    return (
        ("guard_when", _values(profile.when)),
        *(("guard_rule", _values(rule)) for rule in profile.rules),
    )


def _values(part: When | Rule) -> dict[str, str | int | None]:
    """Keys and values of a request; what is not said is left out."""
    values: dict[str, str | int | None] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, tuple):
            value = ",".join(value) or None
        values[field.name] = int(value) if isinstance(value, bool) else value
    return values


def _fault(read: marked.Marked, detail: Any) -> Fault:
    """A refusal of the form, at its place in the text."""
    path: marked.Path = tuple(detail["loc"])
    kind = detail["type"]
    line, column = read.place(path, key=kind == "extra_forbidden")
    return Fault(line, column, marked.path_text(path), _message(kind, path, detail))


def _message(kind: str, path: marked.Path, detail: Any) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), sorted(_KEYS), n=1)
        return "no such key here" + (f": {near[0]}?" if near else "")
    if kind == "string_pattern_mismatch" and path[-2:-1] == ("match",):
        return "a package name may hold letters, digits, . _ - and the wildcards * and ?"
    if kind == "tuple_type":
        return "a list is wanted here: [a, b]"
    if kind in ("model_type", "dict_type"):
        return "keys with values are wanted here"
    text = str(detail["msg"]).removeprefix("Value error, ").partition("\n")[0][:300]
    return text.replace("Input should be", "must be")
