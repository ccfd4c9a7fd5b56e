"""The form of a scenario: its keys, what each may hold, and the rules that follow from them."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from droidreclaim.errors import UsageError
from droidreclaim.units import parse_duration, parse_size

LONGEST_S = 3600.0
MOST_ROUNDS = 1000
_MOST_STEPS = 100
_PACKAGE = r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+$"
_VALUE = r"^[A-Za-z0-9._:/,-]{1,200}$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_ARMS = r"^(kill|kill9|none|reclaim|cold|trim|am_compact|guard:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"


def _duration(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError("a duration with its unit is wanted here: 500ms, 2s")
    try:
        seconds = parse_duration(value)
    except UsageError as error:
        raise ValueError(str(error)) from error
    if not 0 <= seconds <= LONGEST_S:
        raise ValueError(f"{value!r} is not within 0s and {LONGEST_S:g}s")
    return seconds


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a size is wanted here: 64MiB")
    try:
        return parse_size(str(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


def _share(value: object) -> float:
    match = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        raise ValueError("a share is wanted here: 75%")
    return int(match[1]) / 100


def _written_s(seconds: float) -> str:
    """A duration as a scenario has it, so that what is written down can be read again."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _spelled(pattern: str, wrong: str) -> tuple[Any, Any]:
    """What holds a word to a pattern and says *wrong* of another; and the same for an editor."""

    def take(word: str) -> str:
        if len(word) > 255 or not re.fullmatch(pattern, word):
            raise ValueError(f"{word[:40]!r} {wrong}")
        return word

    return AfterValidator(take), WithJsonSchema({"type": "string", "pattern": pattern})


def _off(value: object) -> object:
    """No animations; a bare ``off`` is another thing in each version of YAML."""
    return "off" if value is False else value


def _below(value: object) -> int:
    """``<1.25GB``: GB and MB are powers of ten, as Play's thresholds are read."""
    found = re.fullmatch(r"< ?([0-9]{1,6}(?:\.[0-9]{1,6})?) ?([MG])(i?)B", str(value))
    if found is None:
        raise ValueError(f'{str(value)[:40]!r} is no limit: write "<1.25GB" or "<300MiB"')
    unit: int = (1024 if found[3] else 1000) ** {"M": 2, "G": 3}[found[2]]
    return round(float(found[1]) * unit)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(_written_s, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"}),
]
Size: TypeAlias = Annotated[
    int, BeforeValidator(_size), WithJsonSchema({"type": ["string", "integer"]})
]
Below: TypeAlias = Annotated[
    int,
    BeforeValidator(_below),
    PlainSerializer(lambda most: f"<{most / 10**6:.6f}MB", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^<[0-9]+(\.[0-9]+)?([MG]i?B)$"}),
]
Share: TypeAlias = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(lambda share: f"{round(share * 100)}%", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3}%$"}),
]
Package: TypeAlias = Annotated[
    str, *_spelled(_PACKAGE, "is no package name: letters, digits, _ and dots, as com.example.app")
]
Name: TypeAlias = Annotated[str, *_spelled(_NAME, "is no name: letters, digits and . _ -")]
ArmName: TypeAlias = Annotated[
    str,
    *_spelled(
        _ARMS, "is no arm: kill, kill9, none, reclaim, cold, trim, am_compact, guard:PROFILE"
    ),
]
Words: TypeAlias = Annotated[
    tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=64)
]
Packages: TypeAlias = Annotated[
    tuple[Package, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=64)
]
Yes: TypeAlias = Literal[True]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _OneOf(_Form):
    """A mapping with exactly one of some keys; a word alone stands for ``word: true``."""

    others: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {value: True} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> _OneOf:
        given = sorted(self.model_fields_set - self.others)
        if len(given) != 1:
            of = ", ".join(name for name in type(self).model_fields if name not in self.others)
            said = f"{' and '.join(given)} together" if given else "none of them"
            raise ValueError(f"exactly one is wanted here of {of}: {said}")
        return self

    @property
    def kind(self) -> str:
        """Which of the keys was given."""
        return next(iter(self.model_fields_set - self.others))


class ArmForm(_Form):
    """What is done to the app while it is in the background."""

    arm: ArmName = Field(
        description="kill (the control: am kill), kill9 (root), none, reclaim, guard:PROFILE, "
        "cold, trim, am_compact."
    )
    what: Literal["anon", "file", "all"] | None = Field(default=None, description="Of reclaim.")
    only: Words | None = Field(default=None, description="Of reclaim: kinds of memory.")
    budget: Size | None = Field(default=None, description="Of reclaim: stop after so much.")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"arm": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> ArmForm:
        if self.arm != "reclaim" and (self.what or self.only or self.budget):
            raise ValueError("what, only and budget are of arm reclaim")
        if self.what is not None and self.only is not None:
            raise ValueError("what and only exclude each other")
        return self


class PressureForm(_Form):
    """How memory is made short."""

    launch: Packages = Field(description="Apps that are opened one after the other.")


class RememberForm(_Form):
    """What is compared before and after, as a command of the device prints it."""

    name: Name = Field(description="How the report calls it.")
    shell: Annotated[str, Field(min_length=1)] = Field(description="Runs on the device.")
    match: str | None = Field(
        default=None, description="Regular expression: only its first group, or all it matches."
    )

    @model_validator(mode="after")
    def _is_regular(self) -> RememberForm:
        try:
            re.compile(self.match or "")
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from error
        return self


class StepForm(_OneOf):
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
    command: Words | None = Field(
        default=None,
        description="A program of this computer, without a shell; it finds DROIDRECLAIM_SERIAL, "
        "DROIDRECLAIM_ROUND, DROIDRECLAIM_ARM and DROIDRECLAIM_DIR.",
    )
    remember: RememberForm | None = Field(
        default=None, description="Compared when the app is back."
    )
    arm: Yes | None = Field(default=None, description="Here the arms differ, and only here.")
    pressure: PressureForm | None = Field(default=None, description="Make memory short.")
    resume: Yes | None = Field(default=None, description="Back to the app, as its icon does.")
    deadline: Duration = Field(default=60.0, description="A step that takes longer has failed.")
    continue_on_failure: bool = Field(default=False, description="Go on when this step fails.")


class SettingForm(_Form):
    """One of Android's settings, as ``settings put`` has it."""

    table: Literal["global", "system", "secure"] = "global"
    name: Name
    value: Annotated[str, *_spelled(_VALUE, "is no value: letters, digits and . _ : / , -")]


class InstallForm(_Form):
    """An APK of this computer."""

    apk: Annotated[str, Field(min_length=1)] = Field(description="Beside the scenario.")
    package: Package | None = Field(default=None, description="Which it is, unless it is app.")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"apk": value} if isinstance(value, str) else value


class SetupForm(_OneOf):
    """What is changed before the first round, and undone after the last."""

    animations: Annotated[Literal["off"], BeforeValidator(_off)] | None = Field(
        default=None, description="false: windows and animators stand still."
    )
    setting: SettingForm | None = Field(default=None, description="Put for the time of the run.")
    install: InstallForm | None = Field(
        default=None, description="Uninstalled afterwards; it must not be installed before."
    )


class ResumeForm(_Form):
    """How the app came back."""

    kind: Literal["HOT", "WARM", "COLD"] | None = Field(default=None, description="In each round.")
    p50: Duration | None = Field(default=None, description="Half of them within this.")
    p95: Duration | None = Field(default=None, description="19 of 20 within this.")


class LimitsForm(_Form):
    """What an app may hold in one state."""

    p50: Below | None = Field(default=None, description="Half of the samples are below.")
    p90: Below | None = Field(default=None, description="What Play judges by.")
    p99: Below | None = Field(default=None, description="99 of 100 are below.")
    max: Below | None = Field(default=None, description="All are below.")


class FootprintForm(_Form):
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


class SurvivedForm(_Form):
    """In how many rounds the app's state was kept."""

    at_least: Share = Field(description="Share of the rounds.")


class PssForm(_Form):
    """How much memory the app had."""

    at: Literal["before", "arm", "resume"] = Field(default="arm", description="After what.")
    below: Size = Field(description="Less than this, in each round.")


class DiffersForm(_Form):
    """Another arm that this one must differ from."""

    from_: ArmName = Field(alias="from", description="The other arm.")
    in_: Literal["kept"] = Field(alias="in", default="kept", description="Share of rounds kept.")


class ExpectForm(_OneOf):
    """One expectation; a word alone where it needs no more."""

    others: ClassVar[frozenset[str]] = frozenset({"arm"})

    same_pid: Yes | None = Field(default=None, description="The process lived.")
    same_activity: Yes | None = Field(default=None, description="Its activity lived too.")
    remembered: Name | None = Field(
        default=None, description="What was remembered under this name is the same."
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


class ScenarioForm(_Form):
    """A QA scenario of droidreclaim."""

    version: Literal[1] = Field(description="Of this form.")
    name: Name = Field(description="What reports call it.")
    app: Package = Field(description="The app that is looked at.")
    arms: Annotated[tuple[ArmForm, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = Field(
        description="What is done to it: of each round one, in an order drawn from the seed."
    )
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] = Field(
        default=12, description="Of each arm; under 5 prove nothing."
    )
    seed: Annotated[int, Field(ge=0, le=1 << 31)] = Field(default=1, description="Of the order.")
    setup: Annotated[
        tuple[SetupForm, ...], BeforeValidator(_as_tuple), Field(max_length=_MOST_STEPS)
    ] = Field(default=(), description="Changed before the first round, undone after the last.")
    steps: Annotated[
        tuple[StepForm, ...],
        BeforeValidator(_as_tuple),
        Field(min_length=1, max_length=_MOST_STEPS),
    ] = Field(description="Of each round, in order.")
    expect: Annotated[tuple[ExpectForm, ...], BeforeValidator(_as_tuple)] = Field(
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
