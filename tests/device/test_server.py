"""Where the adb server is, from options and environment."""

from __future__ import annotations

import pytest

from droidreclaim.device.server import Server, find_server
from droidreclaim.errors import UsageError


@pytest.mark.parametrize(
    ("host", "port", "environment", "server"),
    [
        (None, None, {}, Server("127.0.0.1", 5037)),
        ("lab", None, {}, Server("lab", 5037)),
        ("lab", 6000, {"ADB_SERVER_SOCKET": "tcp:x:1"}, Server("lab", 6000)),
        (None, None, {"ADB_SERVER_SOCKET": "tcp:10.0.0.2:5038"}, Server("10.0.0.2", 5038)),
        (None, None, {"ADB_SERVER_SOCKET": "tcp:5038"}, Server("127.0.0.1", 5038)),
        (None, None, {"ADB_SERVER_SOCKET": "tcp:[::1]:5038"}, Server("::1", 5038)),
        (None, None, {"ANDROID_ADB_SERVER_PORT": "5038"}, Server("127.0.0.1", 5038)),
        (None, 6000, {"ANDROID_ADB_SERVER_PORT": "x"}, Server("127.0.0.1", 6000)),
        (None, None, {"ANDROID_ADB_SERVER_ADDRESS": "lab"}, Server("lab", 5037)),
    ],
)
def test_trap_13_each_way_to_name_a_server_is_read(
    host: str | None, port: int | None, environment: dict[str, str], server: Server
) -> None:
    assert find_server(host, port, environment) == server


@pytest.mark.parametrize(
    "environment",
    [
        {"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"},
        {"ADB_SERVER_SOCKET": "tcp:lab:port"},
        {"ADB_SERVER_SOCKET": "tcp:a:b:5038"},
        {"ADB_SERVER_SOCKET": "tcp:a..b:5038"},
        {"ANDROID_ADB_SERVER_ADDRESS": "a..b"},
        {"ANDROID_ADB_SERVER_ADDRESS": "x" * 64},
        {"ANDROID_ADB_SERVER_ADDRESS": "a b"},
        {"ANDROID_ADB_SERVER_ADDRESS": "a\x1b"},
        {"ANDROID_ADB_SERVER_ADDRESS": "\udcff"},
        {"ANDROID_ADB_SERVER_PORT": "0"},
        {"ANDROID_ADB_SERVER_PORT": "70000"},
        {"ANDROID_ADB_SERVER_PORT": "5037x"},
    ],
)
def test_an_address_that_cannot_be_read_is_a_usage_error(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        find_server(None, None, environment)


@pytest.mark.parametrize(
    ("host", "may"), [("localhost", True), ("::1", True), ("127.0.0.2", False), ("lab", False)]
)
def test_trap_12_only_a_server_on_the_loopback_address_may_be_started(host: str, may: bool) -> None:
    assert Server(host).may_be_started is may
