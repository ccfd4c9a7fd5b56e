"""The functions of helper and guard, built for this machine under ASan and UBSan."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, SOURCES, missing

TESTS = sorted((ROOT / "device-scripts" / "tests").glob("test_*.c"))
FOLDERS = ("common", "helper", "guard")
NOT_HOSTED = {"common/arch.c", "common/signal.c", "guard/verbs.c"}  # its table is a second
FLAGS = ["-std=gnu11", "-g", "-O1", "-DHOSTED", "-DUNIT_TEST"]
FLAGS += [f"-I{SOURCES / folder}" for folder in FOLDERS]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FLAGS += ["-Wall", "-Wextra", "-Wconversion", "-Werror"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sources of both, compiled once for all tests."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        missing("no C compiler with sanitizers")
    folder = tmp_path_factory.mktemp("objects")
    every = (path for folder in FOLDERS for path in (SOURCES / folder).glob("*.c"))
    sources = [str(path) for path in every if str(path.relative_to(SOURCES)) not in NOT_HOSTED]
    subprocess.run([compiler, *FLAGS, "-c", *sources], cwd=folder, check=True)
    return [compiler, *map(str, folder.glob("*.o"))]


@pytest.mark.parametrize("source", TESTS, ids=lambda path: path.stem)
def test_every_claim_of_the_c_tests_holds(source: Path, objects: list[str], tmp_path: Path) -> None:
    compiler, *parts = objects
    program = tmp_path / source.stem
    subprocess.run([compiler, *FLAGS, "-o", program, source, *parts], check=True)
    run = subprocess.run(
        [program],
        cwd=tmp_path,  # where it makes its trees: gone with the test, however that ends
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=1"},  # else it is mostly page faults
    )
    assert run.returncode == 0, run.stderr
