"""What README and the docs promise that a test can hold them to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from droidreclaim import profiles
from droidreclaim.model import Reason

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text("utf-8")
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md")])
_TEXTS = {".md", ".py", ".c", ".h", ".j2", ".yaml", ".yml", ".toml", ".sh"}
_FILE = re.compile(
    r"(?<![\w./-])(?:\.\./)*(?:docs|tests|examples|device-scripts|droidreclaim|scenarios|profiles|"
    r"shared|reference|cases)/[\w./-]*\.(?:md|py|c|h|ya?ml|sh|toml)\b"
)
_LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#]+)(?:#[^)]*)?\)")


def test_ci_runs_the_readmes_test_command() -> None:
    command = "python tests/lanes.py"
    assert f"pip install -e '.[test]' && {command}\n" in _README
    assert f"\n{command}\n" in (_ROOT / ".ci" / "run").read_text("utf-8")


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(_README.splitlines()) <= 150


def test_list_of_commands_and_quick_start_are_what_they_are_made_of() -> None:
    argv = [sys.executable, "docs_pages.py", "--check"]
    done = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run 'python docs_pages.py'\n{done.stderr}"


def test_every_reason_of_a_page_out_is_explained() -> None:
    page = (_ROOT / "docs" / "numbers.md").read_text("utf-8")
    section = page[page.index("## Reasons") : page.index("## Exit codes")]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(Reason)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere_in_a_clone(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", ["docs", "droidreclaim", "device-scripts", "tests", "examples"])
def test_every_file_that_a_text_names_is_in_a_clone(folder: str) -> None:
    """Comments are checked too: a clone has no other folder beside it."""
    texts = [
        path
        for path in [*_ROOT.glob("*.*"), *(_ROOT / folder).rglob("*.*")]
        if path.suffix in _TEXTS and path.name != "CHANGELOG.md"  # which tells of what was
    ]
    assert len(texts) > 10
    for path in texts:
        for name in _FILE.findall(path.read_text("utf-8")):
            assert (_ROOT / name).exists() or (path.parent / name).exists(), f"{path}: {name}"


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    built = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = {page.name for page in tmp_path.glob("*.html")}
    assert {"index.html", "commands.html", "architecture.html"} <= pages


def test_the_profile_of_the_guards_page_has_no_fault() -> None:
    page = (_ROOT / "docs" / "guard.md").read_text("utf-8")
    [text] = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert isinstance(profiles.check(text.encode()), profiles.Profile)
