"""Profiles of the guard: from YAML to frozen values, and on to the guard's own lines."""

from __future__ import annotations

from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from droidreclaim import files
from droidreclaim.errors import UsageError
from droidreclaim.model.profile import Fault, Profile, Rule, When
from droidreclaim.profiles import marked
from droidreclaim.profiles.form import ProfileForm
from droidreclaim.profiles.reader import faulty, read_form, schema_of

__all__ = [
    "Fault",
    "Profile",
    "built_in",
    "check",
    "faulty",
    "lines",
    "load",
    "open_profile",
    "schema",
]

Line: TypeAlias = "tuple[str, dict[str, str | int | None]]"

_SUFFIX = ".yaml"


def built_in() -> dict[str, Path]:
    """The profiles that come along, by name: in a wheel inside the package, else beside it."""
    package = Path(str(resources.files("droidreclaim")))
    carried = [*(package / "profiles").glob(f"*{_SUFFIX}")]
    return {path.stem: path for path in carried or package.parent.glob(f"profiles/*{_SUFFIX}")}


def open_profile(name: str) -> bytes:
    """
    The text of a profile: a built-in one by its name, else of a file.

    Raises:
        UsageError: there is no such profile, or it cannot be read.
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
    read = read_form(data, ProfileForm)
    return read.value() if isinstance(read, ProfileForm) else read


def load(name: str) -> Profile:
    """
    The profile of that name, or in that file.

    Raises:
        UsageError: there is no such profile, or it cannot be read.
        ProfileError: the profile has faults; the message has a line for each.
    """
    found = check(open_profile(name))
    if isinstance(found, Profile):
        return found
    raise faulty(name, found)


def schema() -> dict[str, Any]:
    """The form of a profile as JSON Schema, for editors."""
    return schema_of(ProfileForm)


def lines(profile: Profile) -> tuple[Line, ...]:
    """What the guard is told before it starts: one request each, in this order."""
    return (
        ("guard_when", _values(profile.when)),
        *(("guard_rule", _values(rule)) for rule in profile.rules),
    )


def _values(part: When | Rule) -> dict[str, str | int | None]:
    """Keys and values of a request; None where the profile does not say."""
    values: dict[str, str | int | None] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, tuple):
            value = ",".join(value) or None
        values[field.name] = int(value) if isinstance(value, bool) else value
    return values
