"""What README and the docs show is run: here what needs no device, the rest on a phone, nightly."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import yaml

from bug_reports import bug_report
from documented import (
    DESK,
    NEVER,
    PAGES,
    PROGRAMS_ELSEWHERE,
    ROOT,
    all_commands,
    blocks,
    run,
    shell,
    shown_nowhere,
)
from droidreclaim.cli.complete.table import table
from droidreclaim.qa.figures import result
from droidreclaim.qa.folder import Folder
from qa_rounds import rounds_of, scenario

_HEAD = {
    "build": "1",
    "seed": 1,
    "device": {"serial": "R58M12", "model": "A", "sdk": 34},
    "state": {},
    "app": {"versionCode": "12"},
}
_LANGUAGES = {"sh", "console", "python", "yaml", "ini", "text"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages speak of."""
    folder = tmp_path_factory.mktemp("desk")
    [form] = [text for _, text in blocks(ROOT / "docs/qa.md", "yaml") if "version: 1" in text]
    (folder / "mine.yaml").write_text(form, "utf-8")
    text = bug_report(14).replace("com.example.b", "com.example.game")
    text = text.replace("com.example.a", "com.example.app")
    with zipfile.ZipFile(folder / "bugreport.zip", "w") as archive:
        archive.writestr(
            "bugreport-own-2026-11-23.txt",
            text,
        )
    (folder / "system.pftrace").write_bytes(b"")
    for name in ("FOLDER", ".config/fish/completions", ".local/share/bash-completion/completions"):
        (folder / name).mkdir(parents=True)
    for name in ("before", "after", "RUN"):
        made = Folder.new(folder / name)
        made.begin(scenario(), _HEAD)
        for one in rounds_of(8):
            made.note(one)
        made.finish(result(scenario(), rounds_of(8)), {})
    return folder


@pytest.mark.parametrize("text", DESK)
def test_a_command_that_needs_no_device_runs_as_it_is_written(desk: Path, text: str) -> None:
    environment = shell(desk) | {"HOME": str(desk), "ADB_SERVER_SOCKET": "tcp:127.0.0.1:1"}
    done = run(text, desk, environment)
    assert done.returncode == DESK[text], done.stderr
    if into := re.search(r"(?:>|--csv|--html|--perfetto|--benchmark-json) *(\S+)$", text):
        assert (desk / into[1].replace("~", str(desk))).stat().st_size


def test_what_is_never_run_says_why_and_is_still_shown_somewhere() -> None:
    assert shown_nowhere() == []
    for line, why in NEVER.items():
        for file in re.findall(r"tests/\S+\.py", why):
            assert (ROOT / file).exists(), f"{line}: {file}"
    for page, file in PROGRAMS_ELSEWHERE.items():
        assert f'"{page}"' in (ROOT / file).read_text("utf-8")


def test_every_block_says_what_it_is() -> None:
    for page in PAGES:
        for language, text in blocks(page):
            assert language in _LANGUAGES, f"{page.name}: {text[:60]}"
        indented = re.findall(r"\n\n    \S.*", page.read_text("utf-8"))
        assert not indented, f"{page.name}: a block without ```: {indented[0].strip()}"


def test_every_command_and_option_in_words_exists() -> None:
    """Check commands inside sentences too: `droidreclaim phone setup`."""
    known = table()
    written = all_commands()
    for page in PAGES:
        if page.name != "commands.md":  # made of the command line itself
            written += re.findall(r"`(droidreclaim [^`]+)`", page.read_text("utf-8"))
    assert len(written) > 60
    for text in written:
        for call in re.findall(r"droidreclaim ([^|>;&)#]*)", text.split(" -- ")[0]):
            _see_that_it_exists(call, text, known)


def _see_that_it_exists(call: str, text: str, known: dict[str, dict[str, dict[str, str]]]) -> None:
    path, words = "", call.split()
    while words and words[0] in known[path]["commands"]:
        path = f"{path} {words.pop(0)}".strip()
    below = known[path]["commands"]
    assert not (words and below and re.fullmatch(r"[a-z]+", words[0])), f"no command: {text}"
    for word in words:
        if word.startswith("-") and word != "-":
            option = word.partition("=")[0]
            assert option in known[path]["options"], f"no {option}: {text}"


def test_every_yaml_of_a_page_can_be_read() -> None:
    read = [yaml.safe_load(text) for page in PAGES for _, text in blocks(page, "yaml")]
    assert len(read) >= 4
    assert all(read)
