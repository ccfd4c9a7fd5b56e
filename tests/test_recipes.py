"""The recipes for CI: their form by its schema, their shell read; phone tests run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from recipes import ACTION, CI, GITLAB, ROOT, WORKFLOW, scripts_of, steps_of


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-workflows", WORKFLOW), ("github-actions", ACTION), ("gitlab-ci", GITLAB)],
)
def test_a_recipe_is_of_the_form_that_its_schema_says(schema: str, path: Path) -> None:
    words = ["--builtin-schema", f"vendor.{schema}", str(path)]
    argv = [sys.executable, "-m", "check_jsonschema", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [WORKFLOW, ACTION, GITLAB, CI], ids=lambda path: path.name)
def test_each_step_is_shell_that_can_be_read(path: Path) -> None:
    steps = [path.read_text("utf-8")] if path == CI else [*steps_of(path), *scripts_of(path)]
    assert steps
    for step in steps:
        done = subprocess.run(
            ["bash", "-n"], input=step, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step}\n{done.stderr}"


def test_both_services_run_the_same_script_which_the_phones_tests_run() -> None:
    assert scripts_of(WORKFLOW) == scripts_of(GITLAB) == ["sh ci.sh"]


def test_an_action_uses_every_input_that_it_has() -> None:
    text = ACTION.read_text("utf-8")
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", text))
    declared = set(re.findall(r"^  ([\w-]+):$", text.split("runs:")[0], re.M))
    assert used == declared


def test_the_page_says_plainly_that_no_hosted_runner_was_had() -> None:
    page = (ROOT / "docs/emulators.md").read_text("utf-8")
    assert "was never run on a hosted runner" in page
    for path in (WORKFLOW, ACTION, GITLAB):
        assert "Never run" in path.read_text("utf-8").splitlines()[0]
    shown = re.findall(r"```yaml\n(.*?)```", page, re.S)
    assert any("uses: " in one and "script:" in one for one in shown)
