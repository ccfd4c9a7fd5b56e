"""
The picture of `top` in README and docs: a real storm going on under it, on a pocket phone.

    python tests/bench/picture_top.py FILE.svg [SECONDS]

A small storm is started beside it and ended again; the picture is taken at the first tick, after so
many seconds (60), at which an app that was killed is to be seen with who did it.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import droidreclaim as dr
from droidreclaim.errors import DroidReclaimError
from droidreclaim.top.frame import Frame
from droidreclaim.top.live import Live
from droidreclaim.top.tui.view import TopView

STORM = (
    "storm", "--config", "overcommitted", "--apps", "14", "--rounds", "4", "--ram", "576MiB",
    "--arms", "guard:keep-games",
)  # fmt: skip
SIZE = (132, 34)
PATIENCE_S = 180.0


def serial_of_the_storm(storm: subprocess.Popen[bytes]) -> str:
    """The storm's phone, once its apps are opened."""
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s and storm.poll() is None:
        try:
            ready = [one.serial for one in dr.devices() if one.ready]
            if ready and any(one.packages for one in dr.connect(ready[0]).ps()):
                return ready[0]
        except DroidReclaimError:
            pass
        time.sleep(2)
    raise SystemExit("the storm has no phone")


def is_worth_it(frame: Frame) -> bool:
    """Whether something is to be seen: somebody killed, by whom, and the guard by name."""
    killed = [row for row in frame.rows if row.death is not None and row.death.record is not None]
    guard = frame.head.guard
    return bool(killed) and guard is not None and guard.profile is not None


async def draw(live: Live, file: Path, least_s: float) -> None:
    view = TopView(live)
    view.theme = "night"
    began_s = time.monotonic()
    async with view.run_test(size=SIZE) as pilot:
        while True:
            await pilot.pause(0.5)
            frame, lasted_s = view.picture.frame, time.monotonic() - began_s
            if lasted_s >= PATIENCE_S:
                raise SystemExit("nobody was killed: take another storm")
            if frame is not None and lasted_s >= least_s and is_worth_it(frame):
                break
        await pilot.press("s", "s", "home")
        await pilot.pause(1.2)
        # The picture must load nothing from elsewhere: any monospaced font will do.
        picture = re.sub(r"@font-face \{.*?\}", "", view.export_screenshot(), flags=re.DOTALL)
        file.write_text(picture, "utf-8")


def main(file: Path, least_s: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"DROIDRECLAIM_STATE_DIR": folder}
        words = [sys.executable, "-m", "droidreclaim", *STORM, "--out", f"{folder}/storm"]
        storm = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
        try:
            serial = serial_of_the_storm(storm)
            with Live(
                dr.connect(serial, root=False), lambda: dr.connect(serial, root=False)
            ) as live:
                asyncio.run(draw(live, file, least_s))
        finally:
            storm.terminate()
            storm.wait(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)
