"""`fleet status`: the file that says where the devices are, and one table of them all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from desk import Desk

from adb_server import AdbServer
from droidreclaim.errors import ProfileError, UsageError
from droidreclaim.fleet.devices import FleetDevice, of_status, parse_where
from droidreclaim.fleet.form import FleetForm, load
from droidreclaim.model import DeviceStatus
from droidreclaim.units import GIB
from fleet_run import Run
from stand_ins import Shelf

READY = DeviceStatus("R58M12", "device", "usb", "Pixel 6", 34, "arm64-v8a", "su -c", None)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_fleet_is_every_device_of_this_host(
    desk: Desk, droidreclaim: Run
) -> None:
    done = droidreclaim("fleet", "status")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["HOST", "SERIAL", "MODEL", "SDK", "RAM", "KERNEL", "LABELS", "READY"]
    assert [row.split()[:2] for row in rows] == [["this", "D00"], ["this", "D01"], ["this", "D02"]]


def test_a_device_that_is_named_and_not_attached_is_a_row_that_says_so(
    desk: Desk, droidreclaim: Run, tmp_path: Path
) -> None:
    text = """
version: 1
hosts:
  - this: true
    devices: [D01, {serial: GONE, labels: {desk: 4}}]
    labels: {room: north}
"""
    written(tmp_path / "fleet.yaml", text)  # found by its name
    done = droidreclaim("fleet", "status", "--json")
    found = {one["serial"]: one for one in json.loads(done.stdout)["devices"]}
    assert list(found) == ["D01", "GONE"]
    assert (found["GONE"]["ready"], found["GONE"]["reason"]) == (False, "not attached")
    assert found["GONE"]["labels"] == {
        "room": "north", "desk": "4", "host": "this", "serial": "GONE"
    }  # fmt: skip
    assert found["D01"]["labels"]["room"] == "north"


def test_labels_choose_and_a_label_that_nobody_has_leaves_no_device(
    desk: Desk, droidreclaim: Run
) -> None:
    done = droidreclaim("fleet", "status", "--where", "serial=D02", "--json")
    assert [one["serial"] for one in json.loads(done.stdout)["devices"]] == ["D02"]
    done = droidreclaim("fleet", "status", "--where", "room=south")
    assert done.returncode == 3
    assert "no device in the fleet" in done.stderr


def test_labels_that_are_read_choose_as_those_of_the_file_do(
    adb: AdbServer, droidreclaim: Run
) -> None:
    Shelf(adb, A1=("Pixel 6", 34), B1=("Pixel 8", 35))
    for where, serials in (
        ("sdk=35", ["B1"]),
        ("model=Pixel 6", ["A1"]),
        ("ram=8.0 GiB", ["A1", "B1"]),
        ("release=15", ["B1"]),
        ("kernel=6.1.0", ["A1", "B1"]),
    ):
        done = droidreclaim("fleet", "status", "--where", where, "--json")
        assert [one["serial"] for one in json.loads(done.stdout)["devices"]] == serials, where


def refuse_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an ssh first in PATH that reaches nobody."""
    ssh = written(folder / "ssh", "#!/bin/sh\necho 'Connection refused' >&2; exit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_host_that_cannot_be_reached_is_told_beside_the_devices_of_the_others(
    desk: Desk, droidreclaim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ssh(tmp_path, monkeypatch)
    file = written(
        tmp_path / "f.yaml", "version: 1\nhosts: [this, {ssh: lab2, devices: [R58M12]}]\n"
    )
    done = droidreclaim("fleet", "status", "--fleet", str(file))
    assert done.returncode == 3
    assert "lab2: ssh exited 255: Connection refused" in done.stderr
    assert "\nlab2: ssh exited 255: Connection refused" in done.stdout
    rows = [row.split()[:2] for row in done.stdout.splitlines()]
    assert ["this", "D00"] in rows
    assert ["lab2", "R58M12"] in rows


def test_hosts_without_a_device_have_a_line_each(
    adb: AdbServer, droidreclaim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ssh(tmp_path, monkeypatch)
    adb.devices = ""
    written(tmp_path / "fleet.yaml", "version: 1\nhosts: [this, {ssh: lab2}]\n")
    done = droidreclaim("fleet", "status")
    assert done.returncode == 3
    _, *lines = done.stdout.splitlines()
    assert lines[0] == "this: no device"
    assert lines[1].startswith("lab2: ssh exited 255: Connection refused (")


def test_what_another_host_answers_is_read_as_a_strangers(
    desk: Desk, droidreclaim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"host": "this", "serial": "X\x1b[2J", "state": "device", "model": "P", "new": 1}
    document = json.dumps({"devices": [there]})
    ssh = written(tmp_path / "ssh", f"#!/bin/sh\ncat <<'E'\n{document}\nE\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    file = written(tmp_path / "f.yaml", "version: 1\nhosts: [{ssh: lab2}]\n")
    done = droidreclaim("fleet", "status", "--fleet", str(file))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[1].startswith("lab2")
    written(ssh, '#!/bin/sh\necho \'{"devices": [{"serial": 5}]}\'\n')
    done = droidreclaim("fleet", "status", "--fleet", str(file))
    assert done.returncode == 3
    assert "lab2: no answer of 'droidreclaim fleet status' that can be read" in done.stderr


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hosts: [{ssh: -oProxyCommand=x}]", "is no host for ssh"),
        ("hosts: [this, this]", "a host stands there twice"),
        ("hosts: [{this: true, ssh: a}]", "exactly one is wanted here of this, ssh"),
        ("hosts: [{this: true, labels: {sdk: 30}}]", "sdk is read from the device"),
        ("hosts: [{this: true, devices: [A, A]}]", "a serial stands there twice"),
        ("hosts: [{this: true, device: [A]}]", "no such key here: devices?"),
        ("hosts: []", "at least 1 item"),
    ],
)
def test_a_fleet_with_a_fault_is_refused_at_its_place(
    tmp_path: Path, text: str, fault: str
) -> None:
    file = written(tmp_path / "f.yaml", f"version: 1\n{text}\n")
    with pytest.raises(ProfileError, match=r"f\.yaml:[12]:") as raised:
        load(file)
    assert fault in str(raised.value)


def test_all_faults_of_a_fleet_are_told_at_once(tmp_path: Path) -> None:
    file = written(
        tmp_path / "f.yaml",
        "version: 1\nhosts:\n  - {ssh: -x, labels: {ram: 1, Room: 2}}\n  - {ss: b}\n",
    )
    with pytest.raises(ProfileError, match="4 faults"):
        load(file)


def test_ram_is_told_as_it_is_sold_and_facts_that_are_missing_are_none() -> None:
    facts = "release=14\nkernel=6.1.75-android14\nMemTotal:        7758076 kB\n"
    one = of_status("this", READY, facts, {"desk": "4"})
    assert (one.ram_label, one.release, one.kernel) == ("8.0 GiB", "14", "6.1.75-android14")
    assert one.labels["desk"] == "4"
    bare = of_status("this", READY, "sh: getprop: not found\nkernel=\n", {})
    assert (bare.ram_bytes, bare.release, bare.kernel) == (None, None, None)
    assert "ram" not in bare.labels


def test_a_label_is_chosen_by_its_whole_value() -> None:
    assert parse_where(["sdk=34", "model=a=b"]) == {"sdk": "34", "model": "a=b"}
    for word in ("sdk", "=34", "sdk="):
        with pytest.raises(UsageError, match="LABEL=VALUE"):
            parse_where([word])


def test_devices_of_one_model_and_release_are_one_group() -> None:
    def group(**facts: Any) -> str:
        return FleetDevice("this", "A", "device", **facts).group

    assert group(model="Pixel 6", sdk=34) == group(model="Pixel 6", sdk=34, ram_bytes=4 * GIB)
    assert group(model="Pixel 6", sdk=34) != group(model="Pixel 6", sdk=33)
    assert group() == "?, SDK ?"


def test_a_host_with_an_adb_server_of_its_own_and_a_path_is_one_form() -> None:
    form = FleetForm.model_validate(
        {"version": 1, "hosts": [{"ssh": "a@lab2", "adb_port": 5038, "droidreclaim": "/opt/d"}]}
    )
    assert form.hosts[0].name == "a@lab2"
    assert form.hosts[0].serials is None
