"""Deaths that are staged on the phone, and the cause that `why` gives for each."""

from __future__ import annotations

import json
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


def died(
    phone: Handset, how: Callable[[], object], leave: str = "input keyevent HOME"
) -> dict[str, Any]:
    """Start the app, leave it, end it, and return what `why` says of that process."""
    phone.text(f"am start -W {APP}; {leave}")
    pid = int(phone.text(f"pidof {APP}"))
    until(lambda: not leave or int(phone.text(f"cat /proc/{pid}/oom_score_adj")) >= 700)
    how()
    until(lambda: phone.shell(f"pidof {APP}").returncode != 0)

    def deaths_of_pid() -> list[dict[str, Any]]:
        return [one for one in run_json(phone, "why", APP)["deaths"] if one["pid"] == pid]

    until(lambda: bool(deaths_of_pid()))
    [death] = deaths_of_pid()
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


class Rules:
    """Brings an app under each rule of ActivityManager's that Android 17 has."""

    def __init__(self, phone: Handset) -> None:
        self.phone = phone

    def set(self, **values: object) -> None:
        rows = (
            f"device_config put activity_manager {key} {value}" for key, value in values.items()
        )
        self.phone.text("; ".join(rows))

    def freeze_after(self, milliseconds: int) -> None:
        table = "activity_manager_native_boot"
        self.phone.text(f"device_config put {table} freeze_debounce_timeout {milliseconds}")

    def crash(self) -> None:
        self.phone.text(f"am crash {APP}")

    def anr(self) -> None:
        """Send a broadcast to a stopped app, which cannot answer it."""
        stop = f"setprop pocket.anr_s 1; kill -STOP $(pidof {APP})"
        self.phone.text(f"{stop}; am broadcast -a com.example.PING -p {APP}")

    def freezer(self) -> None:
        self.freeze_after(300)
        until(lambda: json.loads(self.phone.text(f"pocket call {APP}"))["ended"] != [])
        self.freeze_after(600_000)

    def cached_limit(self) -> None:
        self.set(max_cached_processes=2)
        until(lambda: self.phone.shell(f"pidof {APP}").returncode != 0)
        self.set(max_cached_processes=32)

    def excessive_use(self) -> None:
        """Let the app read its whole heap again and again."""
        self.set(power_check_interval=2000)
        self.phone.shell(f"while pidof {APP}; do pocket verify {APP}; done >/dev/null 2>&1")
        self.set(power_check_interval=300_000)

    def memory_limiter(self) -> None:
        self.phone.text("setprop pocket.limiter_grace_s 1; pocket limits 12 1 150 75")


@pytest.mark.nightly
def test_each_death_by_a_rule_of_activity_manager_is_named_rightly(
    boot: Callable[..., Handset],
) -> None:
    phone = boot(api=37)
    phone.text(f"pocket install {APP} 24")
    rules = Rules(phone)
    rules.freeze_after(600_000)
    cached = "am start -W com.example.notes; am start -W com.example.chat; input keyevent HOME"
    for cause, leave, by in (
        ("crash", cached, "crash"),
        ("anr", cached, "anr"),
        ("freezer", cached, "freezer"),
        ("cached_limit", cached, "activity_manager"),
        ("excessive_use", cached, "activity_manager"),
        ("memory_limiter", "", "memory_limiter"),
    ):
        death = died(phone, getattr(rules, cause), leave)
        assert (death["cause"], death["by"]) == (cause, by), death
        assert {line["source"] for line in death["lines"]} == {"logcat", "exit-info"}, death
        assert not any("disagree" in one["text"] for one in death["sentences"]), death
        print(cause, death["sentences"][0]["text"])
    see_phantoms(phone, rules)


def see_phantoms(phone: Handset, rules: Rules) -> None:
    """See that the limit ends two of an app's three child processes, and that the app lives."""
    phone.text(f"pocket limits 300 150 150 75; am start -W {APP}")
    children = [json.loads(phone.text(f"pocket child {APP}"))["started"][0] for _ in range(3)]
    rules.set(max_phantom_processes=1)
    until(lambda: len(phone.text("pidof worker").split()) == 1)
    document = run_json(phone, "why", APP)
    taken = [one for one in document["deaths"] if one["cause"] == "phantom_limit"]
    assert len(taken) == 2
    assert {one["pid"] for one in taken} < set(children)
    assert {one["name"] for one in taken} == {"worker"}
    assert APP in {one["name"] for one in document["alive"]}


def test_an_app_that_lives_is_said_to_live(phone: Handset) -> None:
    lives = "com.example.lives"  # and none of the phone's own, which another test may have ended
    phone.text(f"pocket install {lives} 8; am start -W {lives}")
    document = run_json(phone, "why", lives)
    phone.text(f"pm uninstall {lives}")
    assert document["deaths"] == []
    assert [one["name"] for one in document["alive"]] == [lives]
