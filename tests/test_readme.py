"""What the README promises that a test can hold it to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from droidreclaim import profiles

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text("utf-8")


def test_ci_runs_the_readmes_test_command() -> None:
    command = "python -m pytest"
    assert f"pip install -e '.[test]' && {command}\n" in _README
    assert f"\n{command}\n" in (_ROOT / ".ci" / "run").read_text("utf-8")


def test_every_command_the_readme_names_exists() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "droidreclaim", "--help"], capture_output=True, text=True, check=True
    ).stdout
    blocks = "".join(
        re.findall(r"^```(?:sh|console)\n(.*?)^```", _README, re.MULTILINE | re.DOTALL)
    )
    named = set(re.findall(r"^(?:\$ )?droidreclaim(?: -s \S+)? ([a-z]+)", blocks, re.MULTILINE))
    assert {"ps", "reclaim", "devices", "uninstall"} <= named
    for name in named:
        assert re.search(rf"^  {name}\b", help_text, re.MULTILINE), name


def test_the_readmes_profile_has_no_fault() -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```", _README, re.MULTILINE | re.DOTALL)
    assert isinstance(profiles.check(text.encode()), profiles.Profile)
