"""The pocket phones of hosts, held by stand-ins for the tool there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from droidreclaim.errors import DeviceError
from droidreclaim.fleet.form import FleetForm
from droidreclaim.fleet.phones import booted, with_phones

# Behind a shell that greets.
_HOLDS = """echo Welcome
echo 127.0.0.1:6520
echo 127.0.0.1:6521
while read beat; do :; done
echo $$ > ended
"""


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ssh that reaches nobody."""
    program(tmp_path / "ssh", "echo 'droidreclaim: lab2 is off' >&2; exit 255\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fleet(tool: Path) -> FleetForm:
    here = {"this": True, "droidreclaim": str(tool), "pocket_phones": 2, "devices": ["A1"]}
    return FleetForm.model_validate(
        {"version": 1, "hosts": [here, {"ssh": "lab2", "pocket_phones": 1}]}
    )


def test_a_host_whose_phones_do_not_come_up_is_told_and_the_others_have_theirs(
    folder: Path,
) -> None:
    told: list[str] = []
    form = fleet(program(folder / "tool", _HOLDS))
    with booted(form, told.append) as found:
        assert found.serials == {"this": ["127.0.0.1:6520", "127.0.0.1:6521"]}
        assert found.missing == ["lab2: no pocket phone: lab2 is off"]
        here, there = with_phones(form, found.serials).hosts
        assert here.serials == ("A1", "127.0.0.1:6520", "127.0.0.1:6521")
        assert there.devices == "all"
        assert not (folder / "ended").exists()
    assert (folder / "ended").exists()
    assert told[0] == "this: pocket phone 127.0.0.1:6520 is up"


@pytest.mark.parametrize(
    "says", ["echo 127.0.0.1:6520", "echo 'Welcome to lab'", "printf '\\033[2J%0300d\\n' 1", ":"]
)
def test_what_is_no_serial_of_a_phone_is_none(folder: Path, says: str) -> None:
    form = fleet(program(folder / "tool", f"{says}; echo 'droidreclaim: no QEMU' >&2; exit 4\n"))
    alone = form.model_copy(update={"hosts": form.hosts[:1]})
    with (
        pytest.raises(DeviceError, match=r"^this: no pocket phone: no QEMU$"),
        booted(alone, print),
    ):
        pass
