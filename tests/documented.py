"""
What README and the docs show, taken apart: commands, programs, files and output.

Every line of a block ``sh`` or ``console`` is a command and every block ``python`` a program, which
a test runs as written: at a desk without a device, else on a pocket phone (nightly). `NEVER` has
what is not run, with the reason; `SHORTER` has what is run in a shorter form.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples/README.md",
        *ROOT.glob("docs/*.md"),
    ]
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+# .*")

# Lines that are run without a device, and the exit code of each.
DESK = {
    "droidreclaim run --check mine.yaml": 0,
    "droidreclaim run --schema > scenario.json": 0,
    "droidreclaim why com.example.game --from bugreport.zip": 0,
    "droidreclaim footprint com.example.app --from bugreport.zip": 0,
    "droidreclaim compare before after --html compare.html": 0,
    "droidreclaim export RUN --csv rounds.csv": 0,
    "droidreclaim export RUN --benchmark-json benchmark.json": 0,
    "droidreclaim completion bash > ~/.local/share/bash-completion/completions/droidreclaim": 0,
    "droidreclaim completion fish > ~/.config/fish/completions/droidreclaim.fish": 0,
    "droidreclaim completion zsh > FOLDER/_droidreclaim": 0,
}

# Lines that no test runs as they are written: why, or which test runs their parts.
NEVER = {
    "pip install . && droidreclaim demo --setup": "installs, also with apt: tests/test_build.py "
    "builds the wheel, tests/lab/phone/test_demo.py plays the demo",
    "pip install -e '.[test]' && python tests/lanes.py": "is what runs this test: .ci/run",
    "pip install -e '.[test]'": "is what has this test run: .ci/run",
    "pip install . pytest": "installs: tests/test_build.py builds the wheel",
    "python hatch_build.py": "would overwrite the programs that other tests use: "
    "tests/test_build.py builds them elsewhere",
    "python tests/lanes.py": "is what runs this test",
    "python tests/lanes.py unit": "is what runs this test",
    "python -m pytest tests/parse": "is what runs this test",
    "python -m pytest -m nightly": "is what runs this test",
    "python -m pytest -m campaign": "takes hours",
    "python -m pytest tests/bench/bench_helper.py tests/bench/bench_guard.py "
    "tests/bench/bench_resume.py -s -m campaign": "takes a machine to itself",
    "python tests/bench/bench_reading.py": "takes minutes",
    "python tests/bench/bench_fleet.py": "takes minutes",
    "python tests/bench/bench_cpu.py": "wants a machine to itself",
    "python tests/bench/bench_top.py": "wants a machine to itself",
    "python tests/bench/bench_footprint.py SERIAL PACKAGE": "wants a device to itself",
    "droidreclaim phone start": "tests/lab/phone/test_phone_commands.py runs it",
    "droidreclaim devices --wait 300 -s Pixel_7_API_34 --adb-root": "no emulator is here: "
    "tests/device/test_console.py has the AVD's name",
    "droidreclaim ps -s emulator-5554 -s emulator-5556": "no emulator is here: "
    "tests/lab/phone/test_several_phones.py runs it on two phones",
    "droidreclaim storm --out storm": "takes 12 minutes: "
    "tests/lab/phone/test_storm.py has a small one",
    "droidreclaim storm --out storm --resume --seed 2,3": "takes 25 minutes: "
    "tests/lab/phone/test_storm.py resumes a small one",
    "droidreclaim storm --quick --json": "takes minutes: "
    "tests/lab/phone/test_storm.py plays a storm",
    "droidreclaim fleet run --seeds 1-20 -o storms -- storm --packages "
    "com.example.game,com.example.notes": "takes an hour: "
    "tests/fleet/test_fleet_run.py shares seeds among devices",
    "pip install 'droidreclaim[fleet]'": "installs",
    "droidreclaim fleet up": "wants hosts: tests/fleet/test_fleet_hosts.py has two behind sshd",
    "droidreclaim fleet run scenarios/game.yaml": "tests/fleet/test_fleet_hosts.py runs it",
    "droidreclaim fleet down": "tests/fleet/test_fleet_hosts.py ends a fleet",
    "pytest examples/pytest": "tests/lab/phone/test_pytest_plugin.py runs it",
    "pytest examples/pytest --droid-phone": "tests/lab/phone/test_pytest_plugin.py runs it",
    "cd examples && sh ci.sh": "tests/lab/phone/test_pytest_plugin.py runs it",
}

# On the phone: a text of the page, and what is run in its place, so that no page takes an hour.
SHORTER = {
    "com.example.app": "com.example.game",  # for the reader's own app
    "--for 2m": "--for 3s",
    "--for 10m": "--for 3s",
    "-o game": "-o game --rounds 1",
    "run scenarios/game.yaml -o fleet": "run -o fleet -- scenarios/game.yaml --rounds 1",
    "--rounds 5 --arms kill,reclaim": "--rounds 1 --arms reclaim --no-control",
    "export RUN": "export game",
    "--hold 1m": "--hold 1s",
    "--hold 5s": "--hold 1s",
    'lasting="2m"': 'lasting="3s"',
}
# Exit codes that are no failure, by a part of the line.
CODES = {
    "droidreclaim run scenarios/game.yaml": (7,),  # one round proves nothing
    "droidreclaim fleet run": (0, 7),
    "--gate": (0, 7),
    "--follow": (130,),  # interrupted
    "droidreclaim top": (0, 130),
    '--until "headroom<=0"': (0, 7),  # the phone may kill before
}


# Programs that a test of their own runs, or holds to one that is run.
PROGRAMS_ELSEWHERE = {
    "docs/api.md": "tests/lab/phone/test_api.py",
    "docs/pytest.md": "tests/test_pytest_plugin.py",
}


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, str]]:
    """Yield language and text of the blocks of a page, of *languages* where some are given."""
    for language, text in _BLOCK.findall(page.read_text("utf-8")):
        if not languages or language in languages:
            yield language, text


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of each block of a page, without remarks."""
    for language, text in blocks(page, "sh", "console"):
        lines = text.splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        yield [command for line in lines if (command := _COMMENT.sub("", line).strip())]


def all_commands() -> list[str]:
    """Return every command of every page."""
    return [command for page in PAGES for block in commands(page) for command in block]


def is_never_run(command: str) -> bool:
    return any(_is(command, known) for known in NEVER)


def _is(command: str, known: str) -> bool:
    return command == known or (known.endswith(".py") and command.startswith(f"{known} "))


def shown_nowhere() -> list[str]:
    """Return the entries of `NEVER` and `DESK` that no page contains any more."""
    shown = all_commands()
    return [known for known in (*NEVER, *DESK) if not any(_is(one, known) for one in shown)]


def on_the_phone() -> Iterator[tuple[str, list[str]]]:
    """Yield page and commands of each block that needs a device, unless blocks before have all."""
    before: set[str] = set()
    for page in PAGES:
        for block in commands(page):
            wanted = [one for one in block if one not in DESK and not is_never_run(one)]
            if not before.issuperset(wanted):
                yield name(page), wanted
                before.update(wanted)


def programs() -> Iterator[tuple[str, str]]:
    """Yield page and text of each program in Python that no other test runs."""
    for page in PAGES:
        for _, text in blocks(page, "python"):
            if name(page) not in PROGRAMS_ELSEWHERE:
                yield name(page), text


def shortened(text: str) -> str:
    for written, run in SHORTER.items():
        text = text.replace(written, run)
    return text


def shell(folder: Path) -> dict[str, str]:
    """Return an environment in which ``droidreclaim`` is this project's; HOME is in *folder*."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    for program_name, words in (
        ("droidreclaim", "-m droidreclaim"),
        ("pytest", "-m pytest"),
        ("python", ""),
    ):
        program = bin_folder / program_name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', "utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
    }


def run(text: str, folder: Path, environment: dict[str, str], timeout_s: float = 120.0,
        ) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Have a shell run a command in *folder*."""
    return subprocess.run(
        ["sh", "-c", text], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip


def is_endless(command: str) -> bool:
    """Tell whether a command as written on the page runs until Ctrl-C."""
    if command.startswith("droidreclaim top"):
        return "--once" not in command
    if command.startswith("droidreclaim top") and "--once" not in command:
        return True
    return "--follow" in command or command == "droidreclaim footprint com.example.app"
