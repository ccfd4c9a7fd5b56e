"""Records of pocket phones and of the accelerator, without booting a phone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from droidreclaim.cli.app import command_line
from droidreclaim.cli.lab import phone as commands
from droidreclaim.errors import NoDevice
from droidreclaim.lab.phone import image, qemu, state, vm
from droidreclaim.lab.phone.state import Config, Phone


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.2:9")
    return tmp_path


def recorded(port: int, *, private: bool) -> Phone:
    """Return the record of a running phone; its pid is this process's, which runs."""
    ticks = state.start_ticks(os.getpid())
    phone = Phone(os.getpid(), ticks or 0, port, "/nowhere", "tcg", Config(), private)
    state.save(phone)
    return phone


def test_the_phone_of_a_storm_is_listed_but_neither_connected_nor_chosen() -> None:
    recorded(6598, private=True)
    done = CliRunner().invoke(command_line(), ["phone", "status"])
    assert "127.0.0.1:6598" in done.stdout
    assert "of a demo or a storm" in done.stdout
    assert "adb server" not in done.stderr  # which it would be told of the phone by
    with pytest.raises(NoDevice, match="no pocket phone runs"):
        vm.find()
    users = recorded(6597, private=False)
    assert vm.find() == users
    assert "adb server" in CliRunner().invoke(command_line(), ["phone", "status"]).stderr


def test_the_accelerator_is_remembered_and_nothing_is_tried_then(tmp_path: Path) -> None:
    files = image.Image(tmp_path / "kernel", tmp_path / "initramfs", tmp_path / "disk")
    assert state.recall_accel() == "auto"
    state.keep_accel("tcg")
    said: list[str] = []
    assert qemu.choose_accelerator(files, said.append) == "tcg"
    assert said == []
    for nonsense in (b"", b"vbox", b"\xff" * 9000):
        (tmp_path / "accel").write_bytes(nonsense)
        assert state.recall_accel() == "auto"


def test_accelerators_are_those_of_the_option() -> None:
    assert tuple(commands.Accel) == state.ACCELS


def test_forgetting_a_phone_removes_its_own_log_and_nothing_that_its_record_names(
    tmp_path: Path,
) -> None:
    precious = tmp_path / "precious.log"
    own = tmp_path / "phone-6598.log"
    for path in (precious, own):
        path.write_text("x")
    phone = replace(recorded(6598, private=False), console=str(precious))
    state.save(phone)
    state.forget(phone)
    assert precious.exists()
    assert not own.exists()
    assert state.load_all() == ([], [])
