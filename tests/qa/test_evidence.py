"""Files that show how a round went: what a device has, and no file of what it has not."""

from __future__ import annotations

import pytest
from local_shell import LocalShell

from droidreclaim.qa.evidence import Screens, collect
from droidreclaim.session import Phone

OLD = "dumpsys() { echo 'Bad activity command, or no activities match: '; }"
NEW = """
dumpsys() {
    case $2 in
    exit-info) echo 'ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)' ;;
    *) echo '    ApplicationStartInfo #0:' ;;
    esac
}
"""


@pytest.mark.parametrize(
    ("functions", "wanted"),
    [(OLD, {"log.txt"}), (NEW, {"log.txt", "exit-info.txt", "start-info.txt"})],
)
def test_evidence_is_what_the_device_has(functions: str, wanted: set[str]) -> None:
    phone = Phone(_Words(functions), None, timeout_s=5.0)  # type: ignore[arg-type]
    found = collect(phone, "com.example.game", "log", None, Screens(phone, refused=True))
    assert set(found) == wanted


class _Words(LocalShell):
    """The shell with functions for programs, whose words come without ``sh -c``."""

    def run(self, argv, **options):  # type: ignore[no-untyped-def]
        return super().run(["sh", "-c", '"$@"', "sh", *argv], **options)
