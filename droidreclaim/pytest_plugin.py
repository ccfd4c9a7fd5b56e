"""
The pytest plugin: a fixture ``droid``, a device leased for one test.

Loaded into every pytest run of the environment it is installed in, so it imports nothing of ours
until a fixture is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from droidreclaim.testing.droid import Droid
    from droidreclaim.testing.pool import Pool

_KEY = pytest.StashKey[list["Droid"]]()
_MARKER = "droid(sdk='>=30', swap=True, root=True, page_kib=16): what the test wants of its device"
_OPTIONS = (
    ("serial", {"action": "append", "default": None, "metavar": "SERIAL"}, "linelist",
     "Device to use; may be repeated [all that are attached]."),
    ("required", {"action": "store_true", "default": None}, "bool",
     "Without a device that fits, tests are errors, not skipped."),
    ("phone", {"action": "store_true", "default": None}, "bool",
     "Boot a pocket phone for each worker."),
    ("artifacts", {"default": None, "metavar": "DIR"}, "string",
     "Keep log, kills, exit-info and screen of failed tests there."),
    ("wait", {"default": None, "metavar": "S"}, "string",
     "How long a test waits for a device that others use [600]."),
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("droidreclaim", "Android devices (droidreclaim)")
    for name, words, kind, text in _OPTIONS:
        group.addoption(f"--droid-{name}", dest=f"droid_{name}", help=text, **words)
        parser.addini(f"droid_{name}", text, type=kind, default=None)  # type: ignore[arg-type]
    parser.addini("droid_workers", "'devices': -n auto is one worker for each device", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    _wait_s(config)
    config.pluginmanager.register(_MissingOnce(), "droidreclaim-missing-once")


class _MissingOnce:
    """
    Report a required device that is missing once, as an error; skip all tests that want the same.

    In a worker of xdist this keeps ``--maxfail`` from counting each test. The process to which the
    workers report does the same for all workers together.
    """

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)  # before the session counts what failed
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        missing = getattr(report, "droid_missing", None)
        if missing is not None:
            first = self._told.setdefault(missing, report.nodeid)
            if first != report.nodeid:
                path, line, _ = report.location
                report.outcome = "skipped"
                reason = f"Skipped: droidreclaim: no such device, as {first} says"
                report.longrepr = (path, (line or 0) + 1, reason)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("droid")
        if marker is not None:
            _check(item, marker)


def _check(item: pytest.Item, marker: pytest.Mark) -> None:
    from droidreclaim.errors import UsageError
    from droidreclaim.testing import wants

    try:
        if marker.args:
            raise UsageError("droid: words with a name only", hint="sdk='>=30'")
        wants.check(marker.kwargs)
    except UsageError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from error


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # xdist answers by its own count
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return the number of devices for ``-n auto``, where the ini key asks for it."""
    if config.getini("droid_workers") != "devices" or _setting(config, "phone"):
        return None
    from droidreclaim.errors import DroidReclaimError

    try:
        return max(1, len(_new_pool(config).online()))
    except DroidReclaimError:
        return 1


@pytest.fixture(scope="session")
def _droid_pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = _new_pool(request.config)
    yield pool
    pool.close()


@pytest.fixture
def droid(request: pytest.FixtureRequest, _droid_pool: Pool) -> Iterator[Droid]:
    """A device that is this test's alone; what was asked of it is undone at the end."""
    with ExitStack() as stack:
        yield _lease(request, _droid_pool, stack, 1)[0]


@pytest.fixture(scope="session")
def droid_session(request: pytest.FixtureRequest, _droid_pool: Pool) -> Iterator[Droid]:
    """One device for all tests of this worker that ask for it."""
    with ExitStack() as stack:
        yield _lease(request, _droid_pool, stack, 1)[0]


@pytest.fixture
def droid_factory(
    request: pytest.FixtureRequest, _droid_pool: Pool
) -> Iterator[Callable[[int], list[Droid]]]:
    """Gives so many devices at once: ``droid_factory(2)``."""
    with ExitStack() as stack:
        yield lambda count: _lease(request, _droid_pool, stack, count)


def _lease(request: pytest.FixtureRequest, pool: Pool, stack: ExitStack, count: int) -> list[Droid]:
    """Lease devices for a test; without them it is skipped, or an error where required."""
    from droidreclaim.errors import DroidReclaimError, NoDevice, NotPossible

    marker = request.node.get_closest_marker("droid")
    wants = dict(marker.kwargs) if marker is not None else {}
    try:
        droids = stack.enter_context(pool.lease(count, wants))
    except (NoDevice, NotPossible) as error:
        if not _setting(request.config, "required"):
            pytest.skip(f"droidreclaim: {error}")
        failed = pytest.fail.Exception(f"droidreclaim: {error}", pytrace=False)
        failed.droid_missing = f"{type(error).__name__} {count} {sorted(wants.items())}"  # type: ignore[attr-defined]
        raise failed from None
    except DroidReclaimError as error:
        pytest.fail(f"droidreclaim: {error}", pytrace=False)
    if request.scope == "function":
        request.node.stash.setdefault(_KEY, []).extend(droids)
        for one in droids:
            _name(request.node, one)
    return droids


def _name(item: pytest.Item, droid: Droid) -> None:
    """Name the device in JUnit's properties."""
    info = droid.info
    item.user_properties += [
        ("droid_serial", droid.serial),
        ("droid_model", info.model or ""),
        ("droid_sdk", str(info.sdk or "")),
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None:
        vars(report)["droid_missing"] = getattr(call.excinfo.value, "droid_missing", None)
    droids = item.stash.get(_KEY, None)
    if droids and report.when == "call":
        for one in droids:
            _after(item, report, one)
        if call.excinfo is not None:
            _say_what_was_lost(report, call.excinfo.value)
        report.user_properties = list(item.user_properties)
    return report


def _after(item: pytest.Item, report: pytest.TestReport, droid: Droid) -> None:
    """Count the kills for JUnit, and keep files that tell why a test failed."""
    from droidreclaim.errors import DroidReclaimError

    try:
        item.user_properties.append(("droid_kills", str(len(droid.kills()))))
    except DroidReclaimError as error:
        words = str(error).removeprefix(f"{droid.serial}: ")
        report.sections.append(("droidreclaim", f"{droid.serial}: {words}"))
    wanted = _setting(item.config, "artifacts")
    if not report.failed or not wanted:
        return
    try:
        words = f"kept in {_keep(item, droid, wanted)}"
    except OSError as error:
        words = f"nothing is kept: {error}"
    report.sections.append(("droidreclaim", words))


def _keep(item: pytest.Item, droid: Droid, wanted: str) -> Path:
    """Write what tells why the test failed into a folder of its own, and return that."""
    from droidreclaim.testing.droid import artefacts

    name = re.sub(r"[^\w.-]+", "_", item.nodeid)[-150:]
    folder = Path(item.config.invocation_params.dir, wanted, name)
    folder /= re.sub(r"[^\w.-]", "_", droid.serial)
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in artefacts(droid).items():
        (folder / file).write_bytes(data)
    return folder


def _say_what_was_lost(report: pytest.TestReport, error: BaseException) -> None:
    """Add to the report of a lost device what a command would say, and its exit code."""
    from droidreclaim.errors import DeviceError

    if isinstance(error, DeviceError):
        report.sections.append(
            ("droidreclaim", f"{error} (a command's exit code {error.exit_code})")
        )


def _new_pool(config: pytest.Config) -> Pool:
    from droidreclaim.testing.pool import Pool

    serials = tuple(_setting(config, "serial") or ())
    return Pool(serials, boot=bool(_setting(config, "phone")), wait_s=_wait_s(config))


def _wait_s(config: pytest.Config) -> float:
    wait = _setting(config, "wait") or "600"
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", wait):
        raise pytest.UsageError(f"--droid-wait {wait!r}: seconds, as 600 or 0.5")
    return float(wait)


def _setting(config: pytest.Config, name: str) -> Any:
    """Return the value of the option, else of the ini key."""
    given = config.getoption(f"droid_{name}")
    return config.getini(f"droid_{name}") if given is None else given
