"""The words of a scenario: what a duration, a size, a package, an arm may look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from droidreclaim.errors import UsageError
from droidreclaim.policy.bounds import parse_bounds
from droidreclaim.policy.pressure import parse_compressible, parse_until
from droidreclaim.units import parse_duration, parse_size

LONGEST_S = 3600.0
MOST_ROUNDS = 1000
MOST_STEPS = 100
_PACKAGE = r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+$"
SETTING_VALUE = r"^[A-Za-z0-9._:/,-]{1,200}$"
_TEXT = r"^[ -~]{1,200}$"
_KEY = r"^[A-Z0-9_]{1,40}$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
ARMS = r"^(kill|kill9|none|reclaim|cold|trim|am_compact|guard:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"


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
    """Write a duration as a scenario has it, so that it can be read again."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def spelled(pattern: str, wrong: str) -> tuple[Any, Any]:
    """A validator that holds a word to a pattern, else says *wrong*; with its JSON Schema."""

    def take(word: str) -> str:
        if len(word) > 255 or not re.fullmatch(pattern, word):
            raise ValueError(f"{word[:40]!r} {wrong}")
        return word

    return AfterValidator(take), WithJsonSchema({"type": "string", "pattern": pattern})


def as_off(value: object) -> object:
    """No animations; a bare ``off`` is another thing in each version of YAML."""
    return "off" if value is False else value


def _below(value: object) -> int:
    """``<1.25GB``: GB and MB are powers of ten, as Play's thresholds are read."""
    found = re.fullmatch(r"< ?([0-9]{1,6}(?:\.[0-9]{1,6})?) ?([MG])(i?)B", str(value))
    if found is None:
        raise ValueError(f'{str(value)[:40]!r} is no limit: write "<1.25GB" or "<300MiB"')
    unit: int = (1024 if found[3] else 1000) ** {"M": 2, "G": 3}[found[2]]
    return round(float(found[1]) * unit)


def _read_by(reader: Callable[[Any], object]) -> Callable[[Any], Any]:
    """A validator that reads a text as the command line does."""

    def take(text: Any) -> Any:
        try:
            reader(text)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return text

    return take


def as_tuple(value: object) -> object:
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
    str, *spelled(_PACKAGE, "is no package name: letters, digits, _ and dots, as com.example.app")
]
Name: TypeAlias = Annotated[str, *spelled(_NAME, "is no name: letters, digits and . _ -")]
ArmName: TypeAlias = Annotated[
    str,
    *spelled(ARMS, "is no arm: kill, kill9, none, reclaim, cold, trim, am_compact, guard:PROFILE"),
]
Typed: TypeAlias = Annotated[
    str, *spelled(_TEXT, "cannot be typed by 'input text': printable ASCII, up to 200 characters")
]
KeyName: TypeAlias = Annotated[str, *spelled(_KEY, "is no key: BACK, ENTER, DPAD_DOWN")]
_Pixel: TypeAlias = Annotated[int, Field(ge=0, le=20000)]
Place: TypeAlias = Annotated[tuple[_Pixel, _Pixel], BeforeValidator(as_tuple)]
Sdk: TypeAlias = Annotated[
    str | int,
    BeforeValidator(_read_by(parse_bounds)),
    WithJsonSchema({"type": ["string", "integer"]}),
]
UntilWords: TypeAlias = Annotated[str, AfterValidator(_read_by(parse_until))]
Ratio: TypeAlias = Annotated[str, AfterValidator(_read_by(parse_compressible))]
Words: TypeAlias = Annotated[
    tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=64)
]
Packages: TypeAlias = Annotated[
    tuple[Package, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=64)
]
Yes: TypeAlias = Literal[True]


class Form(BaseModel):
    """A mapping; a word alone stands for the value of its *word_key*, where it has one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    word_key: ClassVar[str | None] = None

    @classmethod
    def word_schema(cls) -> dict[str, Any] | None:
        """What a word alone may be in its place, as JSON Schema; None where it may not."""
        return {"type": "string"} if cls.word_key else None

    @classmethod
    def from_word(cls, word: str) -> Any:
        """The mapping that *word* stands for; itself where it stands for none."""
        return {cls.word_key: word} if cls.word_key else word

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return cls.from_word(value) if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = handler(core)
        word = cls.word_schema()
        if word is not None:
            own = handler.resolve_ref_schema(reference)
            keys = dict(own)
            own.clear()
            own["anyOf"] = [word, keys]
        return reference


class OneOf(Form):
    """A mapping with exactly one of some keys; a word alone stands for ``word: true``."""

    others: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def word_schema(cls) -> dict[str, Any] | None:
        if cls.word_key:
            return super().word_schema()
        named = cls.model_fields.items()
        words = [name for name, field in named if Yes in get_args(field.annotation)]
        return {"enum": words} if words else None

    @classmethod
    def from_word(cls, word: str) -> Any:
        return super().from_word(word) if cls.word_key else {word: True}

    @model_validator(mode="after")
    def _one(self) -> OneOf:
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
