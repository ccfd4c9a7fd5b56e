"""How much of the memory that an app uses at a resume it also used at the last resume."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

_SOURCES = Path(__file__).parents[2] / "droidreclaim" / "lab" / "phone" / "guest" / "src"
_ROUNDS = 8


class Resume(NamedTuple):
    """Runs of 64 KiB in use, those of the last resume among them; both of the main space too."""

    used: int
    again: int
    main_used: int
    main_again: int
    bad: int


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("heap") / "reuse"
    flags = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    source = Path(__file__).with_name("heap_reuse.c")
    subprocess.run([compiler, *flags, "-I", _SOURCES, "-o", made, source], check=True)
    return made


def resumes(program: Path, percent: int, *, moves: bool = False) -> list[Resume]:
    words = ["56", str(percent), str(int(moves)), str(_ROUNDS)]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=True)
    return [Resume(*map(int, line.split())) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("percent", [100, 70, 40])
def test_a_resume_uses_as_much_as_the_last_and_that_share_of_it_again(
    program: Path, percent: int
) -> None:
    seen = resumes(program, percent)
    assert len({one.used for one in seen}) == 1
    assert 0.27 < seen[0].used / (56 * 16) < 0.33
    again = sum(one.again for one in seen) / sum(one.used for one in seen)
    assert again == pytest.approx(percent / 100, abs=0.04)
    assert all(one.bad == 0 for one in seen)


def test_where_a_collector_moves_objects_none_of_the_main_space_lies_where_it_lay(
    program: Path,
) -> None:
    for one in resumes(program, 70, moves=True):
        assert one.main_used > 100
        assert one.main_again == one.bad == 0
        rest = one.used - one.main_used, one.again - one.main_again
        assert 0.5 < rest[1] / rest[0] < 0.9
