"""Settings for a while: journalled first, undone when the host is gone, by a real shell."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_shell import LocalShell

from droidreclaim.device import Channel
from droidreclaim.errors import DeviceLost, NotPossible, UsageError
from droidreclaim.qa.form import ScenarioForm
from droidreclaim.qa.setup import Setup, require_files
from droidreclaim.session import changes
from droidreclaim.session.changes import Changes, Setting, restore
from pipe_channel import ProcessChannel

SCALE = Setting("global", "window_animation_scale", "0")
# Android's programs, over files: settings keeps each in a file, pm a file for each package.
SETTINGS = """#!/bin/sh
file="$STATE/$2.$3"
case $1 in
  get) if [ -f "$file" ]; then cat "$file"; else echo null; fi ;;
  put) [ "$3" != locked ] || { echo "SecurityException: not allowed"; exit 255; }
       printf '%s\\n' "$4" >"$file" ;;
  delete) rm -f "$file" ;;
esac
"""
PM = """#!/bin/sh
case $1 in
  path) [ -f "$STATE/app.$2" ] && echo "package:/data/app/$2" ;;
  uninstall) rm "$STATE/app.$2" ;;
  install) [ "$(wc -c)" = "$3" ] || exit 1
       [ -f "$STATE/refuse.txt" ] && { echo "Failure [INSTALL_FAILED_OLDER_SDK]"; exit 1; }
       echo >"$STATE/app.com.example.new" ;;
esac
"""


class Shell(LocalShell):
    def open(self, argv: Sequence[str], *, timeout_s: float) -> Channel:
        return ProcessChannel(list(argv))


class Device:
    def __init__(self, state: Path) -> None:
        self.state = state
        self.journal = state / "journal"
        self.shell = Shell(shell="mksh")

    def changes(self) -> Changes:
        return Changes(self.shell, journal=str(self.journal), shell="mksh")  # type: ignore[arg-type]

    def restore(self) -> str:
        return restore(self.shell, journal=str(self.journal), shell="mksh")  # type: ignore[arg-type]

    def put(self, name: str, value: str) -> None:
        (self.state / name).write_text(f"{value}\n")

    def all(self) -> dict[str, str]:
        """Settings and apps that there are: one that ends between listing and reading is none."""
        found = {}
        for path in self.state.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.suffix != ".txt" and path.name != "bin":
                    found[path.name] = path.read_text().strip()
        return found

    def until(self, wanted: dict[str, str]) -> None:
        end_s = time.monotonic() + 20
        while self.all() != wanted and time.monotonic() < end_s:
            time.sleep(0.02)
        assert self.all() == wanted


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("settings", SETTINGS), ("pm", PM)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(tmp_path))
    return Device(tmp_path)


def test_what_was_set_is_as_before_at_the_end(device: Device) -> None:
    device.put("global.window_animation_scale", "1.0 or so")
    held = device.changes()
    held.begin()
    held.put(SCALE)
    held.put(Setting("secure", "none_before", "x"))
    assert device.all()["global.window_animation_scale"] == "0"
    lines = device.journal.read_text().splitlines()
    assert lines[1:] == ["put global window_animation_scale 1.0 or so", "delete secure none_before"]
    held.end()
    assert device.all() == {"global.window_animation_scale": "1.0 or so"}


def test_a_full_disk_is_not_taken_for_another_run(device: Device) -> None:
    device.journal.symlink_to("/dev/full")
    with pytest.raises(NotPossible, match=r"cannot be held: .*No space left on device"):
        device.changes().begin()


def test_the_journal_is_written_before_the_change(device: Device) -> None:
    held = device.changes()
    held.begin()
    device.journal.unlink()
    device.journal.mkdir()  # nothing can be written there
    with pytest.raises(NotPossible, match="journal cannot be written"):
        held.put(SCALE)
    assert "global.window_animation_scale" not in {one.name for one in device.state.iterdir()}
    device.journal.rmdir()
    held.end()


def test_ctrl_c_before_the_answer_to_a_change_is_no_false_alarm(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    held = device.changes()
    held.begin()
    held._send("set global window_animation_scale 0\n")  # whose answer nobody waited for
    held.end()
    assert device.all() == {}
    assert caplog.messages == []


def test_the_file_of_uiautomator2_is_removed_and_no_other(device: Device) -> None:
    rm = device.state / "bin" / "rm"
    rm.write_text('#!/bin/sh\nprintf "<%s>" "$@" >>"$STATE/removed.txt"; exec /bin/rm "$@"\n')
    rm.chmod(0o755)
    held = device.changes()
    held.begin()
    assert held.will_push_ui()
    assert device.journal.read_text().splitlines()[1:] == ["ui"]
    with device.journal.open("a") as journal:
        journal.write(f"ui {device.state}/bin/pm\n")  # a name is not read
    held.end()
    assert (device.state / "bin" / "pm").exists()
    removed = (device.state / "removed.txt").read_text()
    assert removed == 2 * "<-f></data/local/tmp/u2.jar>" + f"<-f><{device.journal}>"


def test_a_link_that_broke_for_a_moment_is_noticed(device: Device) -> None:
    held = device.changes()
    held.begin()
    held.put(SCALE)
    held.require_held()
    assert held._channel is not None
    held._channel.close()  # as a cable that was pulled and is back: the device has undone it
    with pytest.raises(DeviceLost, match="what setup had changed was undone"):
        held.require_held()
    held.end()
    device.until({})


def test_after_a_break_a_run_takes_its_own_file_for_its_own(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "UI_FILE", f"{device.state}/u2.txt")
    theirs = device.changes()
    (device.state / "u2.txt").write_text("a user's")
    theirs.begin()
    assert not theirs.will_push_ui()
    theirs.end()
    assert (device.state / "u2.txt").exists()
    ours = device.changes()
    ours.begin()
    assert ours.will_push_ui(again=True)  # pushed anew by the library, which noticed first
    ours.end()
    assert not (device.state / "u2.txt").exists()


def test_a_host_that_is_killed_leaves_a_device_that_undoes_it(device: Device) -> None:
    device.put("global.window_animation_scale", "1.0")
    script = (
        "import sys, time; from test_changes import *; from pathlib import Path\n"
        "held = Device(Path(sys.argv[1])).changes(); held.begin(); held.put(SCALE)\n"
        "print('set', flush=True); time.sleep(60)"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script, str(device.state)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert host.stdout is not None
    assert host.stdout.readline() == "set\n"
    assert device.all()["global.window_animation_scale"] == "0"
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    device.until({"global.window_animation_scale": "1.0"})


def test_silence_ends_it_as_a_lost_host_does(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_SILENCE_S", 1)  # nothing closes a link to a host that is off
    held = device.changes()
    held.begin()
    held.put(SCALE)
    device.until({})
    held.end()  # late, and no error


def test_an_ended_holder_leaves_its_journal_to_the_next_command(device: Device) -> None:
    held = device.changes()
    held.begin()
    held.put(SCALE)
    assert device.restore() == "held"
    with pytest.raises(NotPossible, match="another run holds its settings"):
        device.changes().begin()
    holder = int(device.journal.read_text().split()[1])
    os.kill(holder, signal.SIGKILL)  # as a reboot ends it
    held.end()
    assert device.all()["global.window_animation_scale"] == "0"
    end_s = time.monotonic() + 5
    while (word := device.restore()) == "held" and time.monotonic() < end_s:
        time.sleep(0.02)
    assert word == "undone"
    assert device.all() == {}
    assert device.restore() == "none"


def test_without_an_answer_nobody_knows_what_is_left(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.put("journal", "holder x\nput global a 1")
    silent = LocalShell(shell="true")
    assert restore(silent, journal=str(device.journal), shell="true") == "unknown"  # type: ignore[arg-type]
    assert "unknown" in caplog.text
    assert device.restore() == "undone"


def test_an_app_is_uninstalled_only_where_it_was_not_there_before(device: Device) -> None:
    device.put("app.com.example.there", "")
    held = device.changes()
    held.begin()
    assert held.will_install("com.example.there") is False
    assert held.will_install("com.example.new") is True
    device.put("app.com.example.new", "")
    held.end()
    assert device.all() == {"app.com.example.there": ""}


def test_what_the_device_refuses_is_said_in_its_words(device: Device) -> None:
    held = device.changes()
    held.begin()
    with pytest.raises(NotPossible, match="SecurityException: not allowed"):
        held.put(Setting("global", "locked", "1"))
    with pytest.raises(NotPossible, match="cannot be set"):
        held.put(Setting("global", "a", "1; rm -rf /"))
    held.end()
    assert device.all() == {}


def test_a_journal_that_somebody_wrote_runs_nothing(device: Device) -> None:
    victim = device.state / "victim.txt"
    victim.write_text("")
    device.put("journal", f"holder x; rm {victim}\nput global a $(rm {victim})\nrm {victim}\n0 0 0")
    assert device.restore() == "undone"
    assert victim.exists()
    assert device.all() == {"global.a": f"$(rm {victim})"}


# What a scenario asks for


def setup_of(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *steps: object
) -> Setup:
    """A scenario's setup on *device*, whose journal and shell are this machine's."""
    monkeypatch.setattr("droidreclaim.qa.setup.Changes", lambda _: device.changes())
    (tmp_path / "app.txt").write_bytes(b"PK\x03\x04")
    form = ScenarioForm.model_validate(
        {
            "version": 1, "name": "x", "app": "com.example.new", "arms": ["none"],
            "steps": ["launch", "arm", "resume"], "setup": list(steps),
        }
    )  # fmt: skip
    return Setup(SimpleNamespace(device=device.shell, timeout_s=10.0), form, tmp_path)  # type: ignore[arg-type]


def test_a_setup_is_applied_within_the_run_and_again_after_a_loss(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        {"animations": False},
        {"install": "app.txt"},
        {"setting": {"name": "a", "value": "7"}},
    ]
    with setup_of(device, tmp_path, monkeypatch, *steps).applied() as setup:
        inside = set(device.all())
        setup.again()
        assert set(device.all()) == inside
    assert {"app.com.example.new", "global.a", "global.animator_duration_scale"} <= inside
    assert device.all() == {}


def test_an_install_that_fails_undoes_what_was_done_before(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refuse.txt").write_text("")
    setup = setup_of(device, tmp_path, monkeypatch, {"animations": "off"}, {"install": "app.txt"})
    with pytest.raises(NotPossible, match="INSTALL_FAILED_OLDER_SDK"), setup.applied():
        pass
    assert device.all() == {}
    device.put("app.com.example.new", "")
    with pytest.raises(NotPossible, match="installed already"), setup.applied():
        pass
    assert device.all() == {"app.com.example.new": ""}


def test_an_apk_that_is_none_is_said_before_a_device_is_touched(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("x")
    for name, words in (("missing.apk", "No such file"), ("text.txt", "it is no APK")):
        form = ScenarioForm.model_validate(
            {
                "version": 1, "name": "x", "app": "a.b", "arms": ["none"],
                "steps": ["launch", "arm", "resume"], "setup": [{"install": name}],
            }
        )  # fmt: skip
        with pytest.raises(UsageError, match=words):
            require_files(form, tmp_path)
