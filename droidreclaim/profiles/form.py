"""The form of a profile: its keys, what each may hold, and the rules that follow from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from droidreclaim.errors import UsageError
from droidreclaim.model.profile import Profile, Rule, When
from droidreclaim.units import MIB, parse_duration, parse_rate, parse_size

MAX_RULES = 64  # of the guard, which has no memory to grow
_DAY_S = 86_400
_MAX_BYTES = 1 << 50
_EVERYTHING = "*"
_SIZE = r"^[0-9]+(\.[0-9]+)? ?([KMGTkmgt]i?B?|B)?$"
_DURATION = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"
_ADJ = re.compile(r"([0-9]{1,4})\.\.([0-9]{1,4})")


def _written(read: Callable[[str], Any], schema: dict[str, Any]) -> tuple[Any, Any]:
    """Return what reads a value as people write it, and its JSON Schema for editors."""

    def take(value: object) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("a word or a number is wanted here")
        try:
            return read(str(value))
        except UsageError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(take), WithJsonSchema(schema)


def _size(text: str) -> int:
    size_bytes = parse_size(text)
    if size_bytes > _MAX_BYTES:
        raise ValueError(f"{text!r} is more than any device has")
    return size_bytes


def _duration(least_s: float, most_s: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        seconds = parse_duration(text)
        if not least_s <= seconds <= most_s:
            raise ValueError(f"{text!r} is not within {least_s:g}s and {most_s:g}s")
        return seconds

    return read


def _some_size(text: str) -> int:
    if size_bytes := _size(text):
        return size_bytes
    raise ValueError("0 leaves nothing to do: rung leave does that")


def _adj_range(text: str) -> tuple[int, int]:
    match = _ADJ.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no range of oom_score_adj: 700..1000")
    low, high = int(match[1]), int(match[2])
    if low < 500:
        raise ValueError("under 500 are apps in use: a guard leaves them alone")
    if not low <= high <= 1000:
        raise ValueError("a range rises, up to 1000")
    return low, high


def _share(text: str, most: int = 90) -> int:
    match = re.fullmatch(r"([0-9]{1,3})%", text)
    if match is None or not 10 <= int(match[1]) <= most:
        raise ValueError(f"{text!r}: a share of swap, 10% to {most}%")
    return int(match[1])


def _no_truth(value: object) -> object:
    if isinstance(value, bool):  # to Python, true is 1
        raise ValueError("must be 1")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


_SIZE_SCHEMA = {"type": ["string", "integer"], "pattern": _SIZE, "minimum": 0}
_DURATION_SCHEMA = {"type": "string", "pattern": _DURATION}

Size: TypeAlias = Annotated[int, *_written(_size, _SIZE_SCHEMA)]
SomeSize: TypeAlias = Annotated[int, *_written(_some_size, _SIZE_SCHEMA)]
Rate: TypeAlias = Annotated[
    int, *_written(parse_rate, {"type": "string", "pattern": _SIZE[:-1] + "(/s)?$"})
]
AdjRange: TypeAlias = Annotated[
    tuple[int, int],
    *_written(_adj_range, {"type": "string", "pattern": r"^[0-9]{3,4}\.\.[0-9]{3,4}$"}),
]
Share: TypeAlias = Annotated[int, *_written(_share, {"type": "string", "pattern": "^[1-9][0-9]%$"})]
ShareOrAll: TypeAlias = Annotated[
    int,
    *_written(partial(_share, most=100), {"type": "string", "pattern": "^([1-9][0-9]|100)%$"}),
]
Glob: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.*?-]{1,128}$", strip_whitespace=False)
]
Globs: TypeAlias = Annotated[
    tuple[Glob, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    BeforeValidator(_one_or_more),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[A-Za-z0-9_.*?-]{1,128}$"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
Kinds: TypeAlias = Annotated[
    tuple[Literal["dalvik", "native", "stack", "code"], ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    Field(min_length=1),
]


def _lasting(least_s: float, most_s: float) -> tuple[Any, Any]:
    return _written(_duration(least_s, most_s), _DURATION_SCHEMA)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PressureForm(_Form):
    """The late alarm: how long tasks may wait for memory in each window (PSI)."""

    some: Annotated[float, *_lasting(0, 10)] = Field(
        default=0.035, description="Stalls of some task; 0s: no such alarm."
    )
    full: Annotated[float, *_lasting(0, 10)] = Field(
        default=0.0, description="Stalls of all tasks at once; 0s: no such alarm."
    )
    window: Annotated[float, *_lasting(0.5, 10)] = Field(
        default=0.5, description="This long, 500ms to 10s."
    )

    @model_validator(mode="after")
    def _fits(self) -> PressureForm:
        if max(self.some, self.full) >= self.window:
            raise ValueError("some and full must be shorter than their window")
        return self


class WhenForm(_Form):
    """When the guard acts. Any of these is enough."""

    available: Size = Field(
        default=0, description="While less than this is available; 0: not by this."
    )
    next_launch: bool = Field(
        default=True,
        description="While less is available than the largest app lately opened needs.",
    )
    headroom: Size = Field(
        default=0,
        description="While free memory is less than this above lmkd's low mark; 0: not by this.",
    )
    leaving: bool = Field(
        default=False, description="Page each app out as it leaves the foreground, needed or not."
    )
    pressure: PressureForm = Field(default_factory=PressureForm)
    trim_below: ShareOrAll = Field(
        default=50,
        description="While less than this share of swap is free, apps of rung trim are asked.",
    )
    keep_swap_free: Share = Field(
        default=20,
        description="Share of swap that is never used up; at least what the device's lmkd "
        "calls low and 5 % more.",
    )
    per_minute: SomeSize = Field(
        default=2048 * MIB, description="Most that is advised in a minute."
    )
    look_every: Annotated[float, *_lasting(0.1, 60)] = Field(
        default=1.0, description="How often it looks which app is where while nothing happens."
    )

    @model_validator(mode="after")
    def _acts_at_all(self) -> WhenForm:
        signals = (self.available, self.next_launch, self.headroom, self.leaving)
        if not any((*signals, self.pressure.some, self.pressure.full)):
            raise ValueError("every signal is off: the guard would never act")
        return self

    def value(self) -> When:
        """Return the form's values in the guard's units."""
        return When(
            available_bytes=self.available,
            next_launch=self.next_launch,
            headroom_bytes=self.headroom,
            leaving=self.leaving,
            pressure_some_us=round(self.pressure.some * 1e6),
            pressure_full_us=round(self.pressure.full * 1e6),
            pressure_window_us=round(self.pressure.window * 1e6),
            trim_below_permille=self.trim_below * 10,
            keep_swap_free_permille=self.keep_swap_free * 10,
            per_minute_bytes=self.per_minute,
            look_every_ms=round(self.look_every * 1e3),
        )


class WhoForm(_Form):
    """Who may be touched, and in which order."""

    adj: AdjRange = Field(
        default=(700, 1000), description="oom_score_adj, 500..1000 at the widest."
    )
    at_least: Size = Field(
        default=4 * MIB, description="Anonymous memory under which it is not worth it."
    )
    background: Annotated[float, *_lasting(0, _DAY_S)] = Field(
        default=5.0, description="Only after so long out of the foreground."
    )
    last: bool = Field(
        default=False, description="A favourite: kept in memory longer than all others."
    )


class HowForm(_Form):
    """What is done to those."""

    rung: Literal["pageout", "cold", "trim", "leave"] = Field(
        default="pageout",
        description="pageout: to swap when memory is short; cold: first in line then; trim: asked "
        "to give up caches as it leaves while swap is short, and as pageout; leave: nothing.",
    )
    what: Literal["anon", "file", "all"] | None = Field(
        default=None, description="Pages: anon (the default), file or all."
    )
    only: Kinds | None = Field(default=None, description="Kinds of pages, instead of what.")
    budget: SomeSize | None = Field(default=None, description="Most of one process at a time.")
    rate: Rate | None = Field(default=None, description="No faster than this a second: 64MiB/s.")
    cooldown: Annotated[float, *_lasting(1, _DAY_S)] = Field(
        default=30.0, description="Least time between two actions on one process."
    )

    keep: Literal["hot"] | None = Field(
        default=None,
        description="hot: what the app's last resumes needed goes to swap after the rest of all "
        "apps, and only while memory still is short. For rung pageout and trim.",
    )

    bring_back: bool = Field(
        default=False,
        description="Read what the app's last resumes needed from swap as it comes to the "
        "foreground, while memory is not short. For rung pageout and trim.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> HowForm:
        if self.what is not None and self.only is not None:
            raise ValueError("what and only exclude each other")
        if (self.keep or self.bring_back) and self.rung in ("cold", "leave"):
            raise ValueError("keep and bring_back are for rung pageout and trim")
        return self

    def over(self, general: HowForm) -> HowForm:
        """Fill what this form leaves out from *general*; ``what`` and ``only`` count as one key."""
        own = self.model_dump(exclude_unset=True)
        if self.what is not None or self.only is not None:
            own |= {"what": self.what, "only": self.only}
        return HowForm.model_construct(**(general.model_dump() | own))


class PackageForm(_Form):
    """Other answers for some apps; what is not given here is as above."""

    match: Globs = Field(description="Package names, with * and ?; the first that fits decides.")
    who: WhoForm = Field(default_factory=WhoForm)
    how: HowForm = Field(default_factory=HowForm)


class ProfileForm(_Form):
    """A profile of droidreclaim's guard."""

    version: Annotated[Literal[1], BeforeValidator(_no_truth)] = Field(description="Of this form.")
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(
        description="What status and log call it."
    )
    for_: Annotated[float, *_lasting(1, 7 * _DAY_S)] = Field(
        default=8 * 3600.0, alias="for", description="How long a guard runs with it."
    )
    when: WhenForm = Field(default_factory=WhenForm)
    who: WhoForm = Field(default_factory=WhoForm)
    how: HowForm = Field(default_factory=HowForm)
    packages: tuple[PackageForm, ...] = Field(
        default=(), strict=False,
        description=f"Other answers for some apps, in order; {MAX_RULES - 1} patterns in all.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _fits_the_guard(self) -> ProfileForm:
        most = MAX_RULES - 1  # the general rule is one
        count = 0
        for index, one in enumerate(self.packages):
            count += len(one.match)
            if count > most:
                raise PydanticCustomError(
                    "too_many_patterns",
                    "{count} patterns up to here: a guard holds {most}; * makes one of several",
                    {"count": count, "most": most, "at": ("packages", index, "match")},
                )
        return self

    def value(self) -> Profile:
        """The profile, with a rule for each pattern and the general one last."""
        rules = [
            _rule(pattern, {**dict(self.who), **_given(one.who)}, one.how.over(self.how))
            for one in self.packages
            for pattern in one.match
        ]
        rules.append(_rule(_EVERYTHING, dict(self.who), self.how))
        return Profile(self.name, round(self.for_), self.when.value(), tuple(rules))


def _given(form: WhoForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in form.model_fields_set}


def _rule(pattern: str, who: dict[str, Any], how: HowForm) -> Rule:
    low, high = who["adj"]
    return Rule(
        match=pattern,
        adj_low=low,
        adj_high=high,
        at_least_bytes=who["at_least"],
        background_ms=round(who["background"] * 1e3),
        rung=how.rung,
        what=None if how.only else how.what or "anon",
        only=tuple(how.only or ()),
        budget_bytes=how.budget,
        rate_bytes_per_s=how.rate,
        cooldown_ms=round(how.cooldown * 1e3),
        last=who["last"],
        bring_back=how.bring_back and how.rung in ("pageout", "trim"),
        keep=how.keep if how.rung in ("pageout", "trim") else None,
    )
