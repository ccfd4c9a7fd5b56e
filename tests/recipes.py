"""The recipes for CI, taken apart: what a runner would do, and what we run on the pocket phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
WORKFLOW = EXAMPLES / ".github/workflows/emulator.yml"
GITLAB = EXAMPLES / ".gitlab-ci.yml"
CI = EXAMPLES / "ci.sh"
ACTION = ROOT / "action.yml"


def scripts_of(path: Path) -> list[str]:
    """Return the lines that are run once the emulator is up."""
    document = _load(path)
    if path == GITLAB:
        return [line.strip() for line in document["survival"]["script"]]
    found = [one["with"]["script"] for one in _steps(document) if "script" in one.get("with", {})]
    return [line.strip() for script in found for line in script.splitlines()]


def steps_of(path: Path) -> list[str]:
    """Return the scripts that are run before that; they need a runner, or root on one."""
    document = _load(path)
    if path == GITLAB:
        return [str(line) for line in document["survival"]["before_script"]]
    return [one["run"] for one in _steps(document) if "run" in one]


def inputs_of_the_action() -> dict[str, str]:
    """Return the action's inputs by name, with their defaults."""
    return {name: str(one["default"]) for name, one in _load(ACTION)["inputs"].items()}


def _steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    if "jobs" in document:
        return [step for job in document["jobs"].values() for step in job["steps"]]
    return list(document["runs"]["steps"])


def _load(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8")))
