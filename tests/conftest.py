"""Captures of real devices, read where they lie; and what a skipped test means."""

import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path

import fuzzing
import pytest

# A run in the background inherits these signals as ignored, and so does all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

_BESIDE_THE_PROJECT = Path(__file__).parents[1].parent / "shared" / "fixtures"
_CAPTURES = Path(os.environ.get("DROIDRECLAIM_FIXTURES") or _BESIDE_THE_PROJECT)
_NO_CAPTURES = "no captures at"


def pytest_configure(config: pytest.Config) -> None:
    fuzzing.register(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if fuzzing.is_nightly(config):
        fuzzing.mark(items)
    # Workers must agree on the names of tests; another process has its objects elsewhere.
    for item in items:
        assert " at 0x" not in item.nodeid, f"{item.nodeid}: give the parameter an id"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of captures: DROIDRECLAIM_FIXTURES, or shared/fixtures beside the project."""
    if not _CAPTURES.is_dir():
        pytest.skip(f"{_NO_CAPTURES} {_CAPTURES}: set DROIDRECLAIM_FIXTURES")
    return _CAPTURES


@pytest.fixture(scope="session")
def capture(fixtures: Path) -> Callable[[str], str]:
    """Return a function that reads one capture by its path in the folder; bad UTF-8 is replaced."""
    return lambda name: (fixtures / name).read_bytes().decode("utf-8", "replace")


def _must_run(reason: str) -> bool:
    """
    Whether a test that was skipped for *reason* has failed.

    DROIDRECLAIM_REQUIRE asks for all tests. A clone without captures beside it has none to read,
    unless DROIDRECLAIM_FIXTURES says where they are.
    """
    if "DROIDRECLAIM_REQUIRE" not in os.environ:
        return False
    asked_for = _CAPTURES.is_dir() or "DROIDRECLAIM_FIXTURES" in os.environ
    return asked_for or not reason.startswith(_NO_CAPTURES)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return
    path, line, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if _must_run(reason):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skipped, where every test must run: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _judge(report)
    return report
