"""Scenario files: found, read, checked; what a run takes of the command line instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from droidreclaim import files
from droidreclaim.errors import UsageError
from droidreclaim.model.profile import Fault
from droidreclaim.profiles import marked
from droidreclaim.profiles.reader import faulty, read_form, schema_of
from droidreclaim.qa.form import ArmForm, ScenarioForm

CONTROLS = ("kill", "kill9")  # a check that passes here too cannot fail
Scenario = ScenarioForm


def check(path: Path) -> Scenario | tuple[Fault, ...]:
    """
    The scenario in *path*, or everything that is wrong with it, in its order.

    Raises:
        UsageError: it cannot be read.
    """
    return read_form(files.read_bytes(path, marked.MAX_BYTES), ScenarioForm)


def load(path: Path) -> Scenario:
    """
    The scenario in *path*.

    Raises:
        UsageError: it cannot be read.
        ProfileError: it has faults; the message has a line for each.
    """
    found = check(path)
    if isinstance(found, ScenarioForm):
        return found
    raise faulty(str(path), found)


def schema() -> dict[str, Any]:
    """The form of a scenario as JSON Schema, for editors."""
    return schema_of(ScenarioForm)


def adjusted(
    scenario: Scenario, *, arms: Sequence[str] = (), rounds: int | None = None,
    seed: int | None = None,
) -> Scenario:  # fmt: skip
    """
    The scenario with other arms, rounds or seed; an arm keeps the options that it has there.

    An expectation of an arm that is left out is left out with it.

    Raises:
        UsageError: no such arm, or one twice.
    """
    own = {one.arm: one for one in scenario.arms}
    if len(set(arms)) != len(arms):
        raise UsageError(f"--arms {','.join(arms)}: one stands there twice")
    try:
        wanted = tuple(own.get(name) or ArmForm.model_validate(name) for name in arms)
    except ValidationError as error:
        raise UsageError(
            f"--arms {','.join(arms)}: no such arm",
            hint="kill, kill9, none, reclaim, cold, trim, am_compact, guard:PROFILE",
        ) from error
    expect = [
        one
        for one in scenario.expect
        if not arms
        or (one.arm in (None, *arms) and (one.differs is None or one.differs.from_ in arms))
    ]
    return scenario.model_copy(
        update={
            "arms": wanted or scenario.arms,
            "expect": tuple(expect),
            "rounds": scenario.rounds if rounds is None else rounds,
            "seed": scenario.seed if seed is None else seed,
        }
    )
