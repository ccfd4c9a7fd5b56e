"""Deaths that are staged on the phone, and why each is said to have happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands import run, run_json
from handset import Handset, until

pytestmark = pytest.mark.phone

APP = "com.example.staged"


@pytest.fixture(scope="module")
def staged(phone: Handset) -> Iterator[Handset]:
    """The phone, with an app of a few MiB that may die."""
    phone.text(f"pocket install {APP} 8")
    yield phone
    phone.text(f"pm uninstall {APP}")


def died(phone: Handset, how: Callable[[], object]) -> dict[str, Any]:
    """Start the app, leave it, end it, and return what `why` says of that process."""
    phone.text(f"am start -W {APP}; input keyevent HOME")
    pid = int(phone.text(f"pidof {APP}"))
    until(lambda: int(phone.text(f"cat /proc/{pid}/oom_score_adj")) >= 700)
    how()
    until(lambda: phone.shell(f"pidof {APP}").returncode != 0)

    def told() -> list[dict[str, Any]]:
        return [one for one in run_json(phone, "why", APP)["deaths"] if one["pid"] == pid]

    until(lambda: bool(told()))
    [death] = told()
    assert death["lines"]
    assert all(str(pid) in line["text"] for line in death["lines"])
    return death


def test_each_staged_death_is_named_rightly(staged: Handset) -> None:
    ways = {
        "am_kill": f"am kill {APP}",
        "force_stop": f"am force-stop {APP}",
        "unrecorded": f"kill -9 $(pidof {APP})",
    }
    for cause, command in ways.items():
        death = died(staged, lambda command=command: staged.text(command))  # type: ignore[misc]
        assert death["cause"] == cause, death
    told = run(staged, "why", APP).stdout
    assert "not the user's doing" in told
    assert f"no process of {APP} runs" in told


def test_an_app_that_lives_is_said_to_live(staged: Handset) -> None:
    document = run_json(staged, "why", "com.android.systemui")
    assert document["deaths"] == []
    assert [one["name"] for one in document["alive"]] == ["com.android.systemui"]
