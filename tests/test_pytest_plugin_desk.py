"""The pytest plugin at a desk with devices: several workers, several runs, devices that vanish."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from desk import Desk

from adb_server import AdbServer, Peer
from droidreclaim.device import lease
from droidreclaim.errors import DeviceTimeout, NotAchieved
from droidreclaim.lab.phone import state
from droidreclaim.testing.droid import Droid
from droidreclaim.testing.pool import Pool, give_back

ROOT = Path(__file__).parents[1]
OURS = ("-p", "droidreclaim.pytest_plugin")
XDIST = ("-p", "xdist.plugin", "-p", "xdist.looponfail")

# Each test writes when it had which device.
TIMED = """
import time, pytest

@pytest.mark.parametrize("number", range({count}))
def test_it(droid, number):
    begun = time.time()
    time.sleep(0.1)
    with open("{log}", "a") as file:
        file.write(f"{{droid.serial}} {{begun}} {{time.time()}}\\n")
"""


@pytest.fixture
def adb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AdbServer]:
    with AdbServer() as server:
        monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:127.0.0.1:{server.port}")
        monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        yield server


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    argv = [sys.executable, "-m", "pytest", "-W", "error", *words]
    return subprocess.Popen(argv, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def run(folder: Path, *words: str) -> str:
    """What pytest in *folder* printed."""
    child = start(folder, *words)
    said, _ = child.communicate(timeout=120)
    return said


def overlaps(log: Path) -> list[tuple[str, str]]:
    """Pairs of tests that had one device at the same time."""
    rows = sorted(line.split() for line in log.read_text("utf-8").splitlines())
    pairs = pairwise(rows)
    return [(" ".join(a), " ".join(b)) for a, b in pairs if a[0] == b[0] and b[1] < a[2]]


def test_auto_is_a_worker_for_each_device_only_where_the_suite_says_so(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 5)
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    words = [*OURS, *XDIST, "-n", "auto"]
    assert "5 workers" not in run(tmp_path, *words)
    said = run(tmp_path, *words, "-o", "droid_workers=devices")
    assert "5 workers" in said, said


def test_two_runs_and_their_workers_at_one_desk_never_share_a_device(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 2)
    log = tmp_path / "log"
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_it.py").write_text(TIMED.format(count=6, log=log))
        runs.append(start(tmp_path / name, *OURS, *XDIST, "-n", "2"))
    for one in runs:
        said, _ = one.communicate(timeout=120)
        assert "6 passed" in said, said
    assert overlaps(log) == []
    assert {line.split()[0] for line in log.read_text("utf-8").splitlines()} == {"D00", "D01"}


def test_a_worker_that_is_killed_frees_its_device(adb: AdbServer, tmp_path: Path) -> None:
    Desk(adb, 1)
    test = """
import os

def test_killed(droid):
    os.kill(os.getpid(), 9)

def test_after(droid):
    assert droid.serial == "D00"
"""
    (tmp_path / "test_it.py").write_text(test)
    said = run(tmp_path, *OURS, *XDIST, "-n", "1", "--droid-wait", "30")
    assert "1 failed, 1 passed" in said, said
    assert "crashed while running 'test_it.py::test_killed'" in said


def test_what_a_killed_process_noted_is_there_for_who_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    code = """
import os
from droidreclaim.device import lease
[held] = lease.take(lambda: ["S"], 1, timeout_s=5)
held.note(frozenset({"guard", "swap"}))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    [held] = lease.take(lambda: ["S"], 1, timeout_s=5)
    assert held.left() == {"guard", "swap"}
    held.note(frozenset())
    held.release()
    [again] = lease.take(lambda: ["S"], 1, timeout_s=5)
    assert again.left() == frozenset()
    again.release()


class _Guard:
    def __init__(self) -> None:
        self.guard = self
        self.running = True

    def status(self) -> _Guard:
        return self

    def stop(self) -> None:
        raise NotAchieved("S: the guard did not end within 10 s")


class _Phone:
    """A phone whose guard cannot be stopped: nothing real does that on demand."""

    def __init__(self, serial: str = "S") -> None:
        self.serial = serial
        self.swap, self.closed = True, False

    def guard(self, *_: object) -> _Guard:
        return _Guard()

    def swap_on(self, size: object) -> None:
        self.swap = True

    def swap_off(self) -> None:
        self.swap = False

    def close(self) -> None:
        self.closed = True


def test_swap_is_undone_also_where_the_guard_cannot_be_stopped_which_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    [held] = lease.take(lambda: ["S"], 1, timeout_s=1)
    phone = _Phone()
    droid = Droid(phone, held)  # type: ignore[arg-type]
    droid.guard()
    droid.swap_on()
    with pytest.raises(NotAchieved, match="did not end"):
        droid.restore()
    assert not phone.swap
    assert phone.closed
    assert held.left() == {"guard"}  # for whoever has the device next
    held.release()


def test_each_device_that_cannot_be_restored_is_told_and_all_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    held = lease.take(lambda: ["A", "B", "C"], 3, timeout_s=1)
    droids = [Droid(_Phone(one.serial), one) for one in held]  # type: ignore[arg-type]
    for droid in (droids[0], droids[2]):
        droid.guard()
    with pytest.raises(NotAchieved, match="did not end") as raised:
        give_back(droids, held)
    [note] = raised.value.__notes__
    assert note.startswith("C was not restored either: ")
    again = lease.take(lambda: ["A", "B", "C"], 3, timeout_s=0)
    assert [one.left() for one in again] == [{"guard"}, frozenset(), {"guard"}]
    for one in again:
        one.release()


def vanishing(adb: AdbServer, *answers: tuple[str, ...]) -> Desk:
    """A desk whose list of devices is each of *answers* in turn, the last one for ever."""
    desk, lists, lock = Desk(adb, 2), list(answers), threading.Lock()

    def listed(peer: Peer, _: str) -> None:
        with lock:
            desk.attach(*(lists.pop(0) if len(lists) > 1 else lists[0]))
        peer.block(adb.devices)

    adb.handlers["host:devices-l"] = listed
    return desk


def test_a_device_that_vanishes_between_lease_and_test_is_replaced_by_another(
    adb: AdbServer,
) -> None:
    vanishing(adb, ("D00",), ("D00",), ("D01",))
    with Pool(wait_s=20).lease() as [droid]:
        assert droid.serial == "D01"


def test_a_device_that_vanishes_is_waited_for(adb: AdbServer) -> None:
    vanishing(adb, ("D00",), ("D00",), (), (), (), ("D00",))
    with Pool(wait_s=20).lease() as [droid]:
        assert droid.serial == "D00"
    vanishing(adb, ("D00",), ("D00",), ())
    with pytest.raises(DeviceTimeout, match="no 1 free"), Pool(wait_s=1).lease():
        pass


def test_a_test_that_loses_its_device_fails_in_the_words_of_exit_code_3_and_others_go_on(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 2)
    test = """
import droidreclaim as dr

def test_lost(droid):
    raise dr.DeviceLost(f"{droid.serial}: the connection broke")

def test_next(droid):
    pass
"""
    (tmp_path / "test_it.py").write_text(test)
    said = run(tmp_path, *OURS)
    assert "1 failed, 1 passed" in said, said
    assert "D00: the connection broke (a command's exit code 3)" in said


WANTS_TOO_MUCH = """
import pytest

@pytest.mark.droid(sdk=">=99")
@pytest.mark.parametrize("number", range(6))
def test_future(droid, number):
    pass

@pytest.mark.droid(page_kib=16)
@pytest.mark.parametrize("number", range(6))
def test_large_pages(droid, number):
    pass

def test_now(droid):
    pass
"""


@pytest.mark.parametrize("workers", [(), (*XDIST, "-n", "2")], ids=["alone", "two workers"])
def test_a_required_device_that_is_missing_is_one_error_a_run_which_lists_what_there_is(
    adb: AdbServer, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    Desk(adb, 2)
    (tmp_path / "test_it.py").write_text(WANTS_TOO_MUCH)
    words = ["-rs", "--droid-required", "--junitxml", "junit.xml", "--maxfail", "3"]
    said = run(tmp_path, *OURS, *workers, *words)
    assert "1 passed, 10 skipped, 2 errors" in said, said
    for serial in ("D00", "D01"):
        assert f"{serial} (Pixel 6): SDK 34, no root, no swap" in said
    assert "no such device, as test_it.py::test_future[" in said
    [suite] = ElementTree.parse(tmp_path / "junit.xml").iter("testsuite")
    assert (suite.get("errors"), suite.get("skipped")) == ("2", "10")


def test_a_marker_that_no_device_meets_skips_with_what_there_is(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 1)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.droid(swap=True)\ndef test_it(droid):\n    pass\n"
    )
    said = run(tmp_path, *OURS, "-rs")
    assert "1 skipped" in said, said
    assert "1 wanted with swap=True; there is: D00 (Pixel 6): SDK 34, no root, no swap" in said


def test_no_device_where_one_is_required_is_one_error_a_run(adb: AdbServer, tmp_path: Path) -> None:
    adb.devices = ""
    (tmp_path / "test_it.py").write_text(
        "def test_a(droid): pass\n"
        "def test_b(droid_session): pass\n"
        "def test_c(droid_session): pass\n"
        "def test_two(droid_factory):\n    droid_factory(2)\n"
    )
    said = run(tmp_path, *OURS, "-rs", "--droid-required")
    assert "1 failed, 2 skipped, 1 error" in said, said
    assert "1 wanted, 0 attached" in said
    assert "2 wanted, 0 attached" in said


def test_a_pocket_phone_that_another_run_booted_for_itself_is_taken_by_name_alone(
    adb: AdbServer,
) -> None:
    own = state.start_ticks(os.getpid())
    assert own is not None
    state.save(state.Phone(os.getpid(), own, 6521, "", "tcg", state.Config(), private=True))
    adb.devices = "127.0.0.1:6521 device transport_id:0\nD00 device transport_id:1\n"
    assert Pool().online() == ("D00",)
    assert Pool(("127.0.0.1:6521",)).online() == ("127.0.0.1:6521",)


def test_artefacts_that_cannot_be_kept_are_told_with_the_failure(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 1)
    (tmp_path / "file").touch()
    (tmp_path / "test_it.py").write_text("def test_it(droid):\n    raise ValueError('why')\n")
    said = run(tmp_path, *OURS, "--droid-artifacts", "file/inside")
    assert "1 failed" in said, said
    assert "ValueError: why" in said
    assert "nothing is kept: " in said
    assert "INTERNALERROR" not in said


def test_a_suite_that_owns_the_names_of_pytest_playwright_is_not_disturbed(
    adb: AdbServer, tmp_path: Path
) -> None:
    Desk(adb, 1)
    (tmp_path / "conftest.py").write_text(
        """
import pytest

def pytest_addoption(parser):
    for name in ("device", "output", "tracing", "video", "screenshot", "browser"):
        parser.addoption(f"--{name}", default="theirs")

@pytest.fixture
def device(request):
    return request.config.getoption("device")
"""
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(droid, device):\n    assert (droid.serial, device) == ('D00', 'iPhone 15')\n"
    )
    said = run(tmp_path, *OURS, "--device", "iPhone 15", "--droid-serial", "D00")
    assert "1 passed" in said, said


def test_without_autoload_the_plugin_is_not_there_and_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'droidreclaim.pytest_plugin' not in sys.modules\n"
    )
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True,
        check=False, env=os.environ | environment,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout


def test_a_collection_costs_at_most_a_twentieth_of_a_second_more(
    adb: AdbServer, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")

    def cpu_s(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "1 test collected" in run(tmp_path, "--co", *words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    pairs: list[tuple[float, float]] = []
    without = beside = 0.0
    while len(pairs) < 2 or (len(pairs) < 6 and beside - without >= 0.05):  # more where it is busy
        pairs.append((cpu_s(), cpu_s(*OURS)))
        without, beside = (min(one) for one in zip(*pairs, strict=True))
    print(f"without {without:.3f} s, with {beside:.3f} s of CPU")
    assert beside - without < 0.05
