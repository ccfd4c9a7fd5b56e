"""Which processes the pocket phone's ActivityManager ends when there are too many."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from droidreclaim.lab.phone.guest.framework.apps import App, Process
from droidreclaim.lab.phone.guest.framework.endings import NO_LIMIT, too_many
from droidreclaim.lab.phone.guest.framework.links import Channel
from droidreclaim.lab.phone.guest.framework.props import Properties
from droidreclaim.lab.phone.guest.framework.records import Package


@pytest.fixture(scope="module")
def channel() -> Iterator[Channel]:
    """Return a channel for processes to which no question is sent in these tests."""
    with socket.socket() as sock:
        yield Channel(sock)


def process(channel: Channel, number: int, *, activity: bool = True) -> Process:
    name = f"com.example.p{number}"
    app = App(Package(name, 10_000 + number, f"/data/app/{name}.apk"), 1 << 20, number)
    made = Process(app, 100 + number, name, uid=10_000 + number, channel=channel)
    made.activity = activity
    return made


def test_of_an_odd_limit_the_larger_half_is_for_processes_with_an_activity(
    channel: Channel,
) -> None:
    """The list is sorted by last use; the process that was not used for longest is ended."""
    cached = [process(channel, number, activity=number % 2 == 1) for number in (1, 2, 3, 4)]
    ended = [(one.pid, exit_info[1:], reason) for one, exit_info, reason in too_many(cached, 3)]
    assert ended == [(104, (3, "too many empty"), "empty #2")]
    ended = [(one.pid, exit_info[1:], reason) for one, exit_info, reason in too_many(cached, 1)]
    assert ended == [
        (103, (2, "too many cached"), "cached #2"),
        (102, (3, "too many empty"), "empty #1"),
        (104, (3, "too many empty"), "empty #2"),
    ]


def test_without_a_limit_nobody_is_too_many(channel: Channel) -> None:
    assert list(too_many([process(channel, number) for number in range(50)], NO_LIMIT)) == []


@pytest.mark.parametrize(
    ("value", "read"), [("7", 7), ("", 3), ("many", 3), ("-1", 3), ("9" * 30, 3), ("1.5", 3)]
)
def test_a_setting_that_is_no_number_is_not_there(value: str, read: int) -> None:
    props = Properties(37, {})
    props.tables["activity_manager"] = {"max_cached_processes": value}
    assert props.setting("activity_manager", "max_cached_processes", 3) == read
