"""The form of a scenario: its keys, what each may hold, and the rules that follow from them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from droidreclaim.policy.pressure import LONGEST_S as LONGEST_PRESSURE_S
from droidreclaim.qa.screen_form import MaestroForm, RememberForm, WhatTyped, Where
from droidreclaim.qa.words import (
    ARMS,
    MOST_ROUNDS,
    MOST_STEPS,
    SETTING_VALUE,
    ArmName,
    Below,
    Duration,
    Form,
    KeyName,
    Name,
    OneOf,
    Package,
    Packages,
    Ratio,
    Sdk,
    Share,
    Size,
    UntilWords,
    Words,
    Yes,
    as_off,
    as_tuple,
    spelled,
)


class ArmForm(Form):
    """What is done to the app while it is in the background."""

    word_key = "arm"
    arm: ArmName = Field(
        description="kill (the control: am kill), kill9 (root), none, reclaim, guard:PROFILE, "
        "cold, trim, am_compact."
    )
    what: Literal["anon", "file", "all"] | None = Field(default=None, description="Of reclaim.")
    only: Words | None = Field(default=None, description="Of reclaim: kinds of memory.")
    budget: Size | None = Field(default=None, description="Of reclaim: stop after so much.")
    allow_flash: bool | None = Field(
        default=None, description="Of reclaim: also where swap wears the storage."
    )

    @classmethod
    def word_schema(cls) -> dict[str, Any] | None:
        return {"type": "string", "pattern": ARMS}

    @model_validator(mode="after")
    def _fits(self) -> ArmForm:
        own = (self.what, self.only, self.budget, self.allow_flash)
        if self.arm != "reclaim" and any(own):
            raise ValueError("what, only, budget and allow_flash are of arm reclaim")
        if self.what is not None and self.only is not None:
            raise ValueError("what and only exclude each other")
        return self


class PressureForm(Form):
    """How memory is made short: by apps that are opened, or by holding it."""

    launch: Packages | None = Field(
        default=None, description="Apps that are opened one after the other."
    )
    until: UntilWords | None = Field(
        default=None, description="kill, headroom<=0, available<=200MiB or taken>=1GiB."
    )
    hold: Duration = Field(default=0.0, description="Of until: held for so long then.")
    compressible: Ratio = Field(
        default="3:1", description="Of until: how far zram compresses what is taken."
    )

    @model_validator(mode="after")
    def _fits(self) -> PressureForm:
        if (self.launch is None) == (self.until is None):
            raise ValueError("exactly one is wanted here of launch, until")
        if self.launch is not None and (self.hold, self.compressible) != (0.0, "3:1"):
            raise ValueError("hold and compressible are of until")
        return self


class MonkeyForm(Form):
    """Random taps, swipes and keys, into the app alone."""

    events: Annotated[int, Field(ge=1, le=100000)]
    seed: Annotated[int, Field(ge=0, le=1 << 31)] = Field(
        default=1, description="The same in all arms of a round; each round adds its number."
    )
    throttle: Duration = Field(default=0.1, description="Between two events.")


class StepForm(OneOf):
    """One step; a word alone where it needs no more."""

    others: ClassVar[frozenset[str]] = frozenset({"deadline", "continue_on_failure"})

    launch: Yes | Package | None = Field(
        default=None, description="Open the app, or another, as a tap on its icon does."
    )
    home: Yes | None = Field(default=None, description="Press Home.")
    wait: Duration | None = Field(default=None, description="Do nothing for so long.")
    shell: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Runs on the device; another exit status than 0 is a failure."
    )
    tap: Where | None = Field(
        default=None,
        description="Tap the screen: [x, y] in pixels from its upper left corner, a text, or "
        "{id: NAME}, {text: TEXT}, {desc: TEXT}.",
    )
    text: WhatTyped | None = Field(
        default=None, description="Type into the focused field, or {type: TEXT, into: {id: NAME}}."
    )
    key: KeyName | None = Field(default=None, description="Press a key: BACK, ENTER, TAB.")
    monkey: MonkeyForm | None = Field(
        default=None, description="Random events into the app; a crash or an ANR is a failure."
    )
    command: Words | None = Field(
        default=None,
        description="A program of this computer, without a shell; it finds DROIDRECLAIM_SERIAL, "
        "DROIDRECLAIM_ROUND, DROIDRECLAIM_ARM and DROIDRECLAIM_DIR.",
    )
    maestro: MaestroForm | None = Field(
        default=None, description="A flow, beside the scenario; your own maestro runs it."
    )
    remember: RememberForm | None = Field(
        default=None, description="Compared when the app is back."
    )
    arm: Yes | None = Field(default=None, description="Here the arms differ, and only here.")
    pressure: PressureForm | None = Field(default=None, description="Make memory short.")
    resume: Yes | None = Field(default=None, description="Back to the app, as its icon does.")
    deadline: Duration = Field(default=60.0, description="A step that takes longer has failed.")
    continue_on_failure: bool = Field(default=False, description="Go on when this step fails.")

    def is_late(self, took_s: float) -> bool:
        """Whether it took longer than the scenario gives it; without a word of that, it is not."""
        return "deadline" in self.model_fields_set and took_s > self.deadline

    @model_validator(mode="after")
    def _in_time(self) -> StepForm:
        pressure = self.pressure
        if pressure is not None and pressure.until is not None:
            if not 1 <= self.deadline <= LONGEST_PRESSURE_S:
                raise ValueError("the deadline of a pressure is 1s to 10m")
            if pressure.hold >= self.deadline:
                raise ValueError(f"hold is not within the deadline of {self.deadline:g}s")
        return self


class SettingForm(Form):
    """One of Android's settings, as ``settings put`` has it."""

    table: Literal["global", "system", "secure"] = "global"
    name: Name
    value: Annotated[str, *spelled(SETTING_VALUE, "is no value: letters, digits and . _ : / , -")]


class InstallForm(Form):
    """An APK of this computer."""

    word_key = "apk"
    apk: Annotated[str, Field(min_length=1)] = Field(description="Beside the scenario.")
    package: Package | None = Field(default=None, description="Which it is, unless it is app.")


class SetupForm(OneOf):
    """What is changed before the first round, and undone after the last."""

    animations: (
        Annotated[Literal["off"], BeforeValidator(as_off), WithJsonSchema({"enum": [False, "off"]})]
        | None
    ) = Field(default=None, description="false: windows and animators stand still.")
    setting: SettingForm | None = Field(default=None, description="Put for the time of the run.")
    install: InstallForm | None = Field(
        default=None, description="Uninstalled afterwards; it must not be installed before."
    )


class RequireForm(Form):
    """What the device must have; else no round is played."""

    sdk: Sdk | None = Field(default=None, description="33, '>=30' or '>=30,<34'.")
    ram: Size | None = Field(default=None, description="So much memory at least.")
    swap: Size | None = Field(default=None, description="So much swap at least.")
    thermal: Literal["none", "light", "moderate"] | None = Field(
        default=None, description="No hotter than this."
    )
    screen: Literal["unlocked"] | None = Field(
        default=None, description="It says that it is; one that is off or locked never will do."
    )


class ResumeForm(Form):
    """How the app came back."""

    kind: Literal["HOT", "WARM", "COLD"] | None = Field(default=None, description="In each round.")
    p50: Duration | None = Field(default=None, description="Half of them within this.")
    p95: Duration | None = Field(default=None, description="19 of 20 within this.")


class LimitsForm(Form):
    """What an app may hold in one state."""

    p50: Below | None = Field(default=None, description="Half of the samples are below.")
    p90: Below | None = Field(default=None, description="What Play judges by.")
    p99: Below | None = Field(default=None, description="99 of 100 are below.")
    max: Below | None = Field(default=None, description="All are below.")


class FootprintForm(Form):
    """RssAnon + VmSwap by process state, sampled through each round; of the largest process."""

    foreground: LimitsForm | None = None
    user_perceived_services: LimitsForm | None = None
    background: LimitsForm | None = None
    cached: LimitsForm | None = None

    @property
    def limits(self) -> list[tuple[str, str, int]]:
        """State, figure and limit of each."""
        return [
            (state, figure, most)
            for state in type(self).model_fields
            if (form := getattr(self, state)) is not None
            for figure in type(form).model_fields
            if (most := getattr(form, figure)) is not None
        ]


class SurvivedForm(Form):
    """In how many rounds the app's state was kept."""

    at_least: Share = Field(description="Share of the rounds.")


class PssForm(Form):
    """How much memory the app had."""

    at: Literal["before", "arm", "resume"] = Field(default="arm", description="After what.")
    below: Size = Field(description="Less than this, in each round.")


class DiffersForm(Form):
    """Another arm that this one must differ from."""

    from_: ArmName = Field(alias="from", description="The other arm.")
    in_: Literal["kept"] = Field(alias="in", default="kept", description="Share of rounds kept.")


class ExpectForm(OneOf):
    """One expectation; a word alone where it needs no more."""

    others: ClassVar[frozenset[str]] = frozenset({"arm"})

    same_pid: Yes | None = Field(default=None, description="The process lived.")
    same_activity: Yes | None = Field(default=None, description="Its activity lived too.")
    remembered: Name | None = Field(
        default=None, description="What was remembered under this name is the same."
    )
    text: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="On the screen when the app is back, as the whole of a text."
    )
    resume: ResumeForm | None = None
    pss: PssForm | None = None
    footprint: FootprintForm | None = None
    survived: SurvivedForm | None = None
    not_killed: Packages | None = Field(default=None, description="Nobody killed one of these.")
    differs: DiffersForm | None = None
    arm: ArmName | None = Field(
        default=None, description="Of this arm; else of every arm but kill, kill9 and none."
    )


class ScenarioForm(Form):
    """A QA scenario of droidreclaim."""

    version: Literal[1] = Field(description="Of this form.")
    name: Name = Field(description="What reports call it.")
    app: Package = Field(description="The app that is looked at.")
    arms: Annotated[tuple[ArmForm, ...], BeforeValidator(as_tuple), Field(min_length=1)] = Field(
        description="What is done to it: of each round one, in an order drawn from the seed."
    )
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] = Field(
        default=12, description="Of each arm; under 5 prove nothing."
    )
    seed: Annotated[int, Field(ge=0, le=1 << 31)] = Field(default=1, description="Of the order.")
    require: RequireForm | None = Field(default=None, description="Of the device, before all.")
    ui: Literal["uiautomator2"] | None = Field(
        default=None, description="Reads the screen, instead of the device's own uiautomator dump."
    )
    setup: Annotated[
        tuple[SetupForm, ...], BeforeValidator(as_tuple), Field(max_length=MOST_STEPS)
    ] = Field(default=(), description="Changed before the first round, undone after the last.")
    steps: Annotated[
        tuple[StepForm, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1, max_length=MOST_STEPS),
    ] = Field(description="Of each round, in order.")
    expect: Annotated[tuple[ExpectForm, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="What fails the run (exit status 7) where it does not hold."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth(cls, value: Any) -> Any:
        for key in ("version", "rounds", "seed"):
            if isinstance(value, dict) and isinstance(value.get(key), bool):
                raise ValueError(f"{key} must be a number")
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> ScenarioForm:
        names = [one.arm for one in self.arms]
        if len(set(names)) != len(names):
            raise ValueError("an arm stands twice in arms")
        kinds = [step.kind for step in self.steps]
        for kind in ("arm", "resume"):
            if kinds.count(kind) != 1:
                raise ValueError(f"exactly one step {kind} is wanted, not {kinds.count(kind)}")
        if "launch" not in kinds[: kinds.index("arm")]:
            raise ValueError("no step launch before step arm: there is nothing to come back to")
        if kinds.index("resume") < kinds.index("arm"):
            raise ValueError("step resume comes after step arm")
        self._has_what_is_expected(set(names))
        return self

    def _has_what_is_expected(self, arms: set[str]) -> None:
        known = {step.remember.name for step in self.steps if step.remember}
        for one in self.expect:
            if one.remembered and one.remembered not in known:
                raise ValueError(f"expect remembered {one.remembered!r}: no step remembers that")
            for arm in (one.arm, one.differs.from_ if one.differs else None):
                if arm is not None and arm not in arms:
                    raise ValueError(f"expect of arm {arm!r}: it is not among arms")
