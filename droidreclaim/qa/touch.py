"""Steps that touch the app or its memory: taps, keys, monkey, pressure."""

from __future__ import annotations

import re

from droidreclaim.errors import NotAchieved
from droidreclaim.model.pressure import PressureResult
from droidreclaim.qa import screen
from droidreclaim.qa.form import PressureForm, StepForm
from droidreclaim.qa.screen_form import SelectorForm, TypeForm
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.session import Phone
from droidreclaim.units import format_size

# "Events injected: 500", and what ends a monkey before: "** Monkey aborted due to error.",
# "// CRASH: com.example.app (pid 4711)", "// NOT RESPONDING: com.example.app (pid 4711)"
_INJECTED = re.compile(r"^Events injected: (\d{1,9})$", re.MULTILINE)
_ABORTED = re.compile(r"^(?:// (?:CRASH|NOT RESPONDING): .*|\*\* Monkey aborted .*)$", re.MULTILINE)


def touch(stage: Stage, step: StepForm) -> None:
    """
    Do a step ``tap``, ``text``, ``key`` or ``monkey``.

    Raises:
        StepFailed: the device refused it, or nothing on the screen is what is meant, in words.
        DeviceError: it was lost, or not done within the step's deadline.
    """
    if step.tap is not None:
        _tap(stage, step.tap, step.deadline)
    elif step.text is not None:
        text = step.text
        if isinstance(text, TypeForm):
            _tap(stage, text.into, step.deadline)
            text = text.type
        _input(stage.phone, ["text", text.replace(" ", "%s")], step.deadline)
    elif step.key is not None:
        name = step.key.removeprefix("KEYCODE_")
        code = name if name.isdecimal() else f"KEYCODE_{name}"
        _input(stage.phone, ["keyevent", code], step.deadline)
    elif step.monkey is not None:
        _monkey(stage, step)


def make_memory_short(phone: Phone, form: PressureForm, deadline_s: float) -> str:
    """
    Make memory short until what *form* says, hold it, give it back; what came of it as a note.

    A kill before the condition holds is what a scenario is there to see, and no failure.

    Raises:
        StepFailed: it ended before: the cap, the deadline, stalls, or its own death.
        DeviceError: the device was lost.
    """
    assert form.until is not None
    pressure = phone.pressure(
        form.until, lasting=deadline_s, compressible=form.compressible, yes=True
    )
    try:
        with pressure:
            held = pressure.hold(form.hold)
    except NotAchieved as error:
        raise StepFailed(error.message) from error
    if not held.held:
        raise StepFailed(f"not held for {form.hold:g} s: {pressure_in_words(held)}")
    return pressure_in_words(pressure.result or held)


def pressure_in_words(result: PressureResult) -> str:
    """A pressure in one line."""
    taken, lowest = (
        format_size(size) for size in (result.now.taken_bytes, result.lowest.available_bytes)
    )
    words = f"pressure took {taken}, {lowest} available at the lowest"
    if result.ended_by not in (None, "released"):
        words += f", ended: {result.ended_by}"
    named = [f"{one.name} (adj {one.oom_score_adj}, by {one.by})" for one in result.deaths[:5]]
    more = len(result.deaths) - len(named)
    if more > 0:
        named.append(f"{more} more")
    return f"{words}; ended meanwhile: {', '.join(named) or 'nobody'}"


def _tap(stage: Stage, where: tuple[int, int] | SelectorForm, deadline_s: float) -> None:
    if isinstance(where, SelectorForm):
        where = screen.find(stage.ui, stage.package, where, screen.patience(deadline_s)).center
    _input(stage.phone, ["tap", *map(str, where)], deadline_s)


def _input(phone: Phone, words: list[str], deadline_s: float) -> None:
    done = phone.device.run(["input", *words], timeout_s=deadline_s)
    if done.exit_code != 0:
        raise StepFailed(f"input {words[0]}: {done.complaint}")


def _monkey(stage: Stage, step: StepForm) -> None:
    form = step.monkey
    assert form is not None
    words = ["monkey", "-p", stage.package, "-s", str(form.seed + stage.number)]
    words += ["--throttle", str(round(form.throttle * 1000)), str(form.events)]
    done = stage.phone.device.run(words, timeout_s=step.deadline)
    aborted = _ABORTED.search(done.text)
    injected = _INJECTED.search(done.text)
    if aborted is not None:
        raise StepFailed(f"monkey: {aborted[0][:200]}")
    if done.exit_code != 0 or injected is None:
        raise StepFailed(f"monkey: {done.complaint}")
    if int(injected[1]) < form.events:
        raise StepFailed(f"monkey injected {injected[1]} of {form.events} events")
