"""The steps of a round, one function each; what fails says so and nothing else."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO

from droidreclaim.errors import DeviceError, DroidReclaimError
from droidreclaim.parse.activity.views import View
from droidreclaim.qa import screen
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.screen_form import MaestroForm, RememberForm
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.qa.touch import make_memory_short, touch
from droidreclaim.session import Phone

_MOST_OUTPUT_BYTES = 1 << 20
_SHOWN = 200
_GRACE_S = 2.0


def plain(stage: Stage, step: StepForm) -> str | None:
    """
    Do a step that is the same in all arms and remembers nothing.

    Returns what is worth a note in the record of the round, or None.

    Raises:
        StepFailed: it did not work, in words.
        DeviceError: the device was lost, or did not answer.
    """
    if step.launch is not None:
        launch(stage.phone, stage.package if step.launch is True else step.launch)
    elif step.home:
        stage.phone.home()
    elif step.wait is not None:
        time.sleep(step.wait)
    elif step.shell is not None:
        shell(stage.phone, step.shell, step.deadline)
    elif step.command is not None:
        command(stage, step.command, step.deadline)
    elif step.maestro is not None:
        maestro(stage, step.maestro, step.deadline)
    elif step.pressure is not None and step.pressure.until is not None:
        return make_memory_short(stage.phone, step.pressure, step.deadline)
    elif step.pressure is not None:
        for package in step.pressure.launch or ():
            launch(stage.phone, package)
    else:
        touch(stage, step)
    return None


def launch(phone: Phone, package: str) -> None:
    """Open an app as a tap on its icon does; raises as `plain`."""
    started = phone.app(package).open()
    if started.status != "ok":
        raise StepFailed(f"{package} was started and did not show: {started.status}")


def shell(phone: Phone, script: str, deadline_s: float) -> str:
    """What a script printed on the device; raises as `plain`."""
    done = phone.device.run(["sh", "-c", script], timeout_s=deadline_s)
    if done.exit_code != 0:
        raise StepFailed(f"{script[:60]!r}: {done.complaint}")
    return done.text


def recall(
    stage: Stage,
    what: RememberForm,
    deadline_s: float,
    *,
    wanted: str | None = None,
    until_s: float | None = None,
) -> str | None:
    """
    What is to be remembered, as it is now; None where it holds no match.

    Args:
        wanted: What it was: a screen is given time to show it again, until *until_s* of this
            computer's clock.

    Raises:
        NotOnScreen: the app shows, and what is meant is not there.
        StepFailed: it could not be read.
    """
    if what.shell is not None:
        return _matched(what, shell(stage.phone, what.shell, deadline_s).strip())
    assert what.screen is not None
    selector = what.screen
    until_s = min(screen.patience(deadline_s), until_s or math.inf)

    def is_same(views: Sequence[View]) -> bool:
        return any(selector.means(view) and _matched(what, view.text) == wanted for view in views)

    if wanted is not None:
        screen.awaited(stage.ui, stage.package, is_same, until_s)
    return _matched(what, screen.find(stage.ui, stage.package, selector, until_s).text)


def _matched(what: RememberForm, text: str) -> str | None:
    if what.match is None:
        return text[:_MOST_OUTPUT_BYTES]
    match = re.search(what.match, text)
    return None if match is None else match[(match.lastindex and 1) or 0]


def maestro(stage: Stage, what: MaestroForm, deadline_s: float) -> None:
    """Run a flow by the user's own Maestro; raises as `command`."""
    values = what.env | _values(stage)
    given = [word for name, value in values.items() for word in ("-e", f"{name}={value}")]
    flow = str((stage.beside / what.flow).resolve())
    words = ["maestro", "--device", stage.phone.serial, "test", *given, flow]
    command(stage, tuple(words), deadline_s)


def command(stage: Stage, words: tuple[str, ...], deadline_s: float) -> None:
    """
    Run a program of the user's; of what it prints the first MiB is kept in the round's folder.

    Raises:
        StepFailed: it cannot be started, fails, or is not done in time; then it is ended with all
            that it started.
        UsageError: what it prints cannot be written down.
    """
    environment = os.environ | _values(stage) | {"ANDROID_SERIAL": stage.phone.serial}
    with stage.written() as folder, (folder / "command.txt").open("ab") as kept:
        code = _ended(words, environment, kept, deadline_s)
    if code != 0:
        raise StepFailed(f"{words[0]} exited with {code}: see {stage.folder.name}/command.txt")


def _values(stage: Stage) -> dict[str, str]:
    """Which device, round and arm it is, for programs and flows of the user's."""
    return {
        "DROIDRECLAIM_SERIAL": stage.phone.serial,
        "DROIDRECLAIM_ROUND": str(stage.number),
        "DROIDRECLAIM_ARM": stage.arm,
        "DROIDRECLAIM_DIR": str(stage.folder.resolve()),
    }


def _ended(
    words: tuple[str, ...], environment: Mapping[str, str], kept: BinaryIO, deadline_s: float
) -> int:
    try:
        process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise StepFailed(f"{words[0]}: {error.strerror}") from error
    assert process.stdout is not None
    reader = threading.Thread(target=_keep, args=(process.stdout, kept), daemon=True)
    try:
        reader.start()
        return process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{words[0]} was not done within {deadline_s:g} s") from None
    finally:
        _end_group(process)
        if reader.is_alive():  # not where its start was cut short
            reader.join(_GRACE_S)


def _keep(output: BinaryIO | object, kept: BinaryIO) -> None:
    """Keep the first MiB of the output, and read the rest, so that the program is not held up."""
    left = _MOST_OUTPUT_BYTES
    while piece := output.read1(1 << 16):  # type: ignore[union-attr]
        with suppress(ValueError, OSError):  # the file is closed: its writer outlived the step
            kept.write(piece[:left])
        left = max(0, left - len(piece))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the program's process group: also what the program started and left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
            if number == signal.SIGTERM:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            return


def attempt(phone: Phone, what: str, step: Callable[[], None]) -> str | None:
    """
    Do a step; returns why it failed, or None.

    Raises:
        DeviceError: the device itself is lost: it does not answer any more.
    """
    try:
        step()
    except StepFailed as error:
        return f"step {what}: {error}"
    except DeviceError as error:
        phone.device.ping(timeout_s=min(phone.timeout_s, 10.0))  # lost: that is another matter
        return f"step {what}: {error}"
    except DroidReclaimError as error:
        return f"step {what}: {error}"
    return None
