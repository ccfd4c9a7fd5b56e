"""
Pocket phones for tests: one for the session, others by `boot`.

Images come from the user's cache; state, the adb server and its HOME are the test run's own, and
end with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.errors import NotPossible
from droidreclaim.lab.phone import image, vm
from droidreclaim.lab.phone.state import Config, Phone
from handset import ADB, Handset, adb_server_of, free_port

# Begin the longest first: otherwise the lane ends with one of them running alone.
_LONGEST = ("test_run", "test_storm", "test_guard", "test_engine", "test_main_job", "test_inspect")
_CACHE = image.cache_dir()  # read before HOME changes
# A port is used once, and is none that a command chooses: the adb server of a worker goes on trying
# one whose phone was killed, and would connect to another worker's.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.count(6600 + 100 * _WORKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an adb server of this test run, which every adb below talks to."""
    port = free_port()
    home = tmp_path_factory.mktemp("adb-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        patch.setenv("ADB_MDNS", "0")
        with adb_server_of(ADB, port, home / "server.log"):
            yield port


@pytest.fixture(scope="session")
def phones(adb_server: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An image to boot, and a state directory of this test run; the folder all workers share."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("no qemu-system-x86_64: 'droidreclaim phone setup' installs it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        patch.setenv("DROIDRECLAIM_CACHE_DIR", str(_CACHE))
        try:
            image.ensure(lambda _: False, print)
        except NotPossible as error:
            pytest.skip(str(error))
        own = tmp_path_factory.getbasetemp()
        yield own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextlib.contextmanager
def _one_at_a_time(config: Config, shared: Path) -> Iterator[None]:
    """
    Have the other workers wait that want a phone of *config*: one boots, they go on from its state.
    """
    name = hashlib.sha256(repr(replace(config, port=None)).encode()).hexdigest()[:16]
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def boot(phones: Path) -> Iterator[Callable[..., Handset]]:
    """Boot a phone with the given values of `Config`; it is stopped at the end of the test."""
    with booting(phones) as start:
        yield start


@pytest.fixture(scope="module")
def boot_for_module(phones: Path) -> Iterator[Callable[..., Handset]]:
    """As `boot`, for a phone that several tests of a module share."""
    with booting(phones) as start:
        yield start


@pytest.fixture(scope="session")
def phone(phones: Path) -> Iterator[Handset]:
    """The phone most tests share: adbd is root, 640 MiB, 512 MiB of zram. Leave it as found."""
    with booting(phones) as start:
        yield start()


@contextlib.contextmanager
def booting(shared: Path) -> Iterator[Callable[..., Handset]]:
    """
    Give a function that boots phones, and stop them in the end: each takes a core and 600 MiB.

    A phone has one processor, which costs a third less, unless a test says otherwise. The state of
    a phone that is booted `once` is not saved.
    """
    started: list[Phone] = []

    def start(*, once: bool = False, cpus: int = 1, **values: Any) -> Handset:
        values.setdefault("port", next(_PORTS))
        config = Config(cpus=cpus, **values)
        with contextlib.nullcontext() if once else _one_at_a_time(config, shared):
            phone = vm.start(config, die_with_us=True, fresh=once)
        started.append(phone)
        return Handset(phone)

    try:
        yield start
    finally:
        for phone in started:
            vm.stop(phone)
