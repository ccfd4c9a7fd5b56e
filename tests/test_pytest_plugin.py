"""The pytest plugin without a device: what it costs, what it says, what it refuses."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from adb_server import AdbServer
from droidreclaim.device import lease
from droidreclaim.errors import DeviceTimeout, UsageError
from droidreclaim.testing import wants

ROOT = Path(__file__).parents[1]
USES_ONE = "def test_it(droid):\n    pass\n"


def run(folder: Path, test: str, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest with our plugin alone, at an adb server's port where nothing is attached."""
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "droidreclaim.pytest_plugin", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ
        | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT),
            "ADB_SERVER_SOCKET": f"tcp:127.0.0.1:{os.environ['NO_DEVICES']}",
        },
    )


@pytest.fixture(autouse=True)
def adb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AdbServer]:
    """Where nothing is attached, unless a test puts a desk there."""
    with AdbServer() as server:
        server.devices = ""
        monkeypatch.setenv("NO_DEVICES", str(server.port))
        monkeypatch.setenv("ANDROID_SERIAL", "")
        monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
        yield server


def test_a_suite_without_a_device_loads_nothing_of_ours(tmp_path: Path) -> None:
    test = """
import sys

def test_it():
    ours = {name for name in sys.modules if name.startswith("droidreclaim")}
    assert ours == {"droidreclaim", "droidreclaim.pytest_plugin"}
    assert {"adbutils", "pydantic", "rich", "typer"} & set(sys.modules) == set()
"""
    done = run(tmp_path, test)
    assert "1 passed" in done.stdout, done.stdout


def test_without_a_device_tests_skip_and_say_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, USES_ONE, "-rs")
    assert "1 skipped" in done.stdout, done.stdout
    assert "--droid-phone" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("by", ["option", "ini"])
def test_a_device_that_is_required_is_an_error_in_one_line(tmp_path: Path, by: str) -> None:
    if by == "ini":
        (tmp_path / "pytest.ini").write_text("[pytest]\ndroid_required = true\n")
    words = ["--droid-required"] if by == "option" else []
    done = run(tmp_path, USES_ONE, "-rE", *words)
    assert "1 error" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
    assert "droidreclaim: 1 wanted, 0 attached" in done.stdout


@pytest.mark.parametrize(
    "words", ["sdk='new'", "sdk=True", "root=1", "page_kib=0", "colour='red'", "'root'", "sdk=''"]
)
def test_a_marker_that_makes_no_sense_ends_the_collection(tmp_path: Path, words: str) -> None:
    test = f"import pytest\n@pytest.mark.droid({words})\n{USES_ONE}"
    done = run(tmp_path, test)
    assert done.returncode == 4, done.stdout
    assert "droid" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "1e3", "9" * 10])
def test_a_wait_that_is_no_number_of_seconds_is_told_once_before_a_test_runs(
    tmp_path: Path, wait: str
) -> None:
    done = run(tmp_path, "def test_it():\n    pass\n", f"--droid-wait={wait}")
    assert done.returncode == 4, done.stdout
    assert "--droid-wait" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_serial_that_is_not_attached_is_named_and_where_it_came_from(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--droid-serial", "R58M12"] if by == "option" else []
    monkeypatch.setenv("ANDROID_SERIAL", "" if words else "R58M12")
    done = run(tmp_path, USES_ONE, "-rs", *words)
    where = "R58M12" if words else "$ANDROID_SERIAL, R58M12"
    assert f"1 wanted, 0 attached of {where}" in done.stdout, done.stdout


def test_sdk_is_a_number_or_bounds() -> None:
    phone = wants.Facts("S", "M", 33, root=True, swap=False, page_kib=4)
    for fits in ({"sdk": 33}, {"sdk": ">=30"}, {"sdk": ">=30, <34"}, {"root": True}, {}):
        wants.check(fits)
        assert wants.meets(phone, fits)
    for fits in ({"sdk": 34}, {"sdk": "<33"}, {"swap": True}, {"page_kib": 16}, {"sdk": ">33"}):
        assert not wants.meets(phone, fits)
    unknown = wants.Facts("S", None, None, root=True, swap=False, page_kib=None)
    assert not wants.meets(unknown, {"sdk": ">=1"})
    with pytest.raises(UsageError):
        wants.check({"sdk": ">=30;<34"})


def _hold(serial: str, held: object, end: object) -> None:
    lease.take(lambda: [serial], 1, timeout_s=5)
    held.set()  # type: ignore[attr-defined]
    end.wait()  # type: ignore[attr-defined]


def test_a_lease_keeps_others_out_and_ends_with_a_process_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    context = multiprocessing.get_context("spawn")
    held, end = context.Event(), context.Event()
    other = context.Process(target=_hold, args=("../S/1 x", held, end))
    other.start()
    assert held.wait(20)
    with pytest.raises(DeviceTimeout, match="no 1 free"):
        lease.take(lambda: ["../S/1 x"], 1, timeout_s=0.5)
    with pytest.raises(DeviceTimeout):
        lease.take(lambda: ["A", "../S/1 x"], 2, timeout_s=0.5)
    [free] = lease.take(lambda: ["A"], 1, timeout_s=1)  # not held by who waited for two
    free.release()
    other.kill()
    other.join()
    [again] = lease.take(lambda: ["../S/1 x"], 1, timeout_s=1)
    again.release()
    assert {one.parent for one in tmp_path.rglob("*.lock")} == {tmp_path / "leases"}


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"droidreclaim": "droidreclaim.pytest_plugin"}


def test_the_page_shows_a_test_of_the_example_suite_and_every_option() -> None:
    page = (ROOT / "docs/pytest.md").read_text("utf-8")
    [shown] = re.findall(r"```python\n(.*?)```", page, re.S)
    suite = (ROOT / "examples/pytest/test_background.py").read_text("utf-8")
    plain = re.sub(r"  #.*", "", shown).replace('"com.example.game"', "GAME")
    assert plain in suite
    plugin = (ROOT / "droidreclaim/pytest_plugin.py").read_text("utf-8")
    names = re.findall(r'^    \("(\w+)", \{', plugin, re.M)
    assert names
    for name in names:
        assert f"`--droid-{name}" in page
        assert f"`droid_{name}`" in page
