"""Stand-in devices that answer what a fleet asks, and a stand-in for the tool that plays a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from adb_server import EXIT, STDOUT, AdbServer, Peer, packet
from droidreclaim.qa.figures import result
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.record import Round
from qa_rounds import rounds_of, scenario

_FACTS = """release={release}
kernel=6.1.0
booted=1
MemTotal:        7758076 kB
"""
_TOOL = """#!/bin/sh
# -H HOST -P PORT -s SERIAL run SCENARIO ... -o FOLDER: what it does, BEHAVE/SERIAL says.
serial=$6; for folder; do :; done
echo "$serial $*" >> {behave}/calls
echo "droidreclaim: $serial plays" >&2
[ -f {behave}/$serial ] && . {behave}/$serial
mkdir -p "$folder" && cp -r {behave}/{name}/. "$folder"
"""


class Shelf:
    """
    Devices by serial, each with a model and an SDK; all are ready until they are lost.

    Attributes:
        left: What the journal on a device says of what a run has left there.
        asked: What the devices were asked, each line behind its serial.
    """

    def __init__(self, adb: AdbServer, **models: tuple[str, int]) -> None:
        self.adb = adb
        self.models = models
        self.serials = list(models)
        self.left: dict[str, str] = {}
        self.asked: list[str] = []
        adb.handlers["host:transport-id:"] = self._choose
        self.attach(*self.serials)

    def attach(self, *serials: str) -> None:
        """Have these devices attached, and no others."""
        self.adb.devices = "".join(
            f"{one} device model:x transport_id:{self.serials.index(one)}\n" for one in serials
        )

    def _choose(self, peer: Peer, request: str) -> None:
        serial = self.serials[int(request.rpartition(":")[2])]
        model, sdk = self.models[serial]
        peer.okay()
        line = peer.request().removeprefix("shell,v2,raw:")
        peer.okay()
        self.asked.append(f"{serial} {line}")
        for words, text in (
            ("MemTotal", _FACTS.format(release=sdk - 20)),
            ("ro.product.model", f"model={model}\nsdk={sdk}\nabi=arm64-v8a\nbooted=1\n"),
            ("getprop sys.boot_completed", "1\n"),
            ("journal", f"droidreclaim: {self.left.get(serial, 'none')}\n"),
            ("/proc/self/status", "Uid:\t2000\t2000\t2000\t2000\nCapEff:\t0000000000000000\n"),
        ):
            if words in line:
                peer.send(packet(STDOUT, text.encode()) + packet(EXIT, b"\0"))
                return
        peer.send(packet(EXIT, b"\x7f"))


def run_folder(path: Path, rounds: list[Round] | None = None, **head: Any) -> Path:
    """A folder of a run, as `run` writes it."""
    folder = Folder.new(path)
    rounds = rounds_of(6) if rounds is None else rounds
    head = {"device": {"serial": "x"}, "source": "device", **head}
    folder.begin(scenario(), head)
    for one in rounds:
        folder.note(one)
    folder.finish(result(scenario(), rounds), head)
    return path


def tool(behave: Path, name: str = "run") -> Path:
    """A program that takes the words of `run` and leaves a copy of the folder *name*."""
    path = behave / "droidreclaim"
    path.write_text(_TOOL.format(behave=behave, name=name), encoding="utf-8")
    path.chmod(0o755)
    return path


def until(condition: Any, within_s: float = 20.0) -> None:
    """Wait until *condition* holds."""
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.02)
