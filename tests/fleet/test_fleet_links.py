"""What a fleet of several hosts is made of, without one: links, what a worker sends, its state."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from droidreclaim.errors import DeviceError, NotPossible, UsageError
from droidreclaim.fleet import hands, state
from droidreclaim.fleet.at_worker import unpack
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.form import HERE, HostForm
from droidreclaim.fleet.host import serve
from droidreclaim.fleet.keeper import links, resources_of

SCENARIO = Path(__file__).parents[2] / "scenarios" / "game.yaml"
DEVICES = [
    FleetDevice("lab2", "R1", "device", model="Pixel 6, 5G", sdk=34),
    FleetDevice("lab2", "R2", "device"),
    FleetDevice("this", "R3", "device"),
]


def test_every_forward_and_every_worker_is_bound_to_this_host_alone() -> None:
    hosts = [HostForm(this=True), HostForm(ssh="lab2"), HostForm(ssh="empty")]
    here, there = links(hosts, DEVICES, 4000)
    assert here.names == {"this/R3"}
    assert there.names == {"lab2/R1", "lab2/R2"}
    forwards = [word for word in there.argv if word.count(":") == 3]
    assert len(forwards) == 3
    assert all(one.split(":")[0] == one.split(":")[2] == "127.0.0.1" for one in forwards)
    addresses = [one.listen for one in (*here.order.workers, *there.order.workers)]
    assert all(one.startswith("tcp://127.0.0.1:") for one in addresses)
    ports = [word.split(":")[1] for word in forwards]
    assert len({*ports, "4000"}) == 4
    assert there.order.scheduler == f"tcp://127.0.0.1:{ports[0]}"
    assert there.argv[-3:] == ["lab2", "--", "droidreclaim fleet host"]


def test_labels_are_resources_without_what_dask_reads_as_another() -> None:
    words = resources_of(DEVICES[0])
    assert words == ["device", "host:lab2", "model:Pixel_6__5G", "sdk:34", "serial:R1"]


@pytest.mark.parametrize(
    ("apk", "said"),
    [
        ("../other/a.apk", "install ../other/a.apk: other hosts are sent what lies beside"),
        ("/opt/a.apk", "install /opt/a.apk: other hosts are sent what lies beside"),
        ("gone.apk", "gone.apk: No such file or directory"),
    ],
)
def test_a_scenario_that_cannot_be_sent_with_its_files_reaches_no_host(
    tmp_path: Path, apk: str, said: str
) -> None:
    own = tmp_path / "own.yaml"
    text = SCENARIO.read_text("utf-8")
    own.write_text(f"{text}\nsetup:\n  - install: {{apk: {apk}}}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(said)):
        hands.of_workers(HERE, "tcp://127.0.0.1:1", ("run", str(own)), ())


def packed(*files: tuple[str, bytes | None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            info.size = len(data or b"")
            tar.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()


def test_what_a_worker_sends_lands_in_the_attempts_folder(tmp_path: Path) -> None:
    unpack(packed(("./1/run.json", b"{}"), ("./1.log", b"x"), ("./else", b"x")), tmp_path, "3")
    found = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
    assert found == {"3/run.json", "3.log"}


@pytest.mark.parametrize("name", ["1/../../evil", "1/../../../evil"])
def test_what_a_worker_sends_lands_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be unpacked"):
        unpack(packed((name, b"x")), tmp_path / "job", "1")
    with pytest.raises(UsageError, match="cannot be unpacked"):
        unpack(packed(("1/link", None)), tmp_path / "job", "1")
    with pytest.raises(UsageError, match="cannot be unpacked"):
        unpack(b"no tar", tmp_path / "job", "1")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("line", [b"", b"{}\n", b"x\n"])
def test_a_host_that_is_asked_for_nothing_says_whose_command_it_is(line: bytes) -> None:
    with pytest.raises(NotPossible, match="by 'droidreclaim fleet up', not by hand"):
        serve(io.BytesIO(line), lambda: None)


def test_a_host_of_another_version_begins_no_worker() -> None:
    order = b'{"droidreclaim": "0.0.0", "scheduler": "x", "workers": []}\n'
    with pytest.raises(UsageError, match=r"0\.0\.0 at the other end"):
        serve(io.BytesIO(order), lambda: None)


def test_a_fleet_is_up_for_as_long_as_the_process_behind_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    fleet = tmp_path / "fleet.yaml"
    assert state.read(fleet) is None
    code = f"""
import os, signal, sys
from pathlib import Path
from droidreclaim.fleet import hands, state
with state.held(Path({str(fleet)!r})) as path:
    state.write(path, state.Up(os.getpid(), "tcp://127.0.0.1:1", ["this/A"]))
    print("up", flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        up = state.read(fleet)
        assert up is not None
        assert (up.pid, up.workers) == (process.pid, ["this/A"])
        assert state.read(tmp_path / "other.yaml") is None
        with pytest.raises(DeviceError, match="up already"), state.held(fleet):
            pass
        os.kill(process.pid, 9)
    assert state.read(fleet) is None
