"""
YAML to plain values, each with its place in the text, and without YAML's surprises.

The parser's events are read, without a loader: nothing is constructed, so a tag, an alias bomb, a
number of 5,000 digits or 500 levels of nesting do no harm. What YAML 1.1 and 1.2, or a reader and a
parser, would take for different things is refused, with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from droidreclaim.model.profile import Fault

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 8
_MAX_EVENTS = 20_000  # of a text of MAX_BYTES, read in less than a second
_SHOWN = 40

Path: TypeAlias = "tuple[str | int, ...]"

_QUOTE = "quote it if it is a word"
_TRAPS = tuple(
    (re.compile(pattern, re.IGNORECASE), f"{why}: {todo}")
    for pattern, why, todo in (
        (
            r"y|yes|n|no|on|off",
            "true or false in YAML 1.1, a word in 1.2",
            f"true, false, {_QUOTE}",
        ),
        (r"true|false", "not spelled alike everywhere", f"true, false in small letters, {_QUOTE}"),
        (r"~|null", "nothing at all", "leave the key out"),
        (
            r"[-+]?0[0-9_]+",
            "octal in YAML 1.1, decimal in 1.2",
            f"without the 0 in front, {_QUOTE}",
        ),
        (r"[-+]?0(b[01_]+|x[0-9a-f_]+|o[0-7]+)", "not read by all", f"decimal, {_QUOTE}"),
        (
            # (a ratio, 3:1, is no time, and nobody means 181 by it)
            r"(?![0-9]{1,2}:1$)[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
            "a number to base 60 in YAML 1.1",
            f"a duration is written 90s or 8h, {_QUOTE}",
        ),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*", "a date in YAML 1.1", "quote it"),
        (
            r"[-+]?([0-9][0-9_]*)?\.?[0-9_]*e[-+]?[0-9]+",
            "a word in YAML 1.1, a number in 1.2",
            f"write the number out, {_QUOTE}",
        ),
        (r"[-+]?[0-9]+_[0-9_]*", "a number in YAML 1.1, a word in 1.2", f"without _, {_QUOTE}"),
        (
            r"[-+]?([0-9]+\.[0-9_]*|\.[0-9_]+|\.inf)|\.nan",
            "a fraction without a unit",
            f"as 1.5MiB or 0.5s, {_QUOTE}",
        ),
        (r"\+[0-9]+", "a number with a sign", "without +"),
        (r"<<|=", "a key of YAML 1.1's own", "write out what it stands for"),
    )
)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_MAX_DIGITS = 18
_MAX_SCALAR = 512


@dataclass(slots=True)
class Marked:
    """
    A text as values: dicts, lists, str, int and bool.

    Attributes:
        value: None when there were faults that leave nothing to look at.
        places: Line and column, 1-based, of each value by its path; of each key by that and `KEY`.
    """

    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Where a value (or its *key*) is; else the place of the nearest part that holds it."""
        if key and (found := self.places.get((*path, KEY))):
            return found
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


KEY = "\0key"  # cannot be a mapping's own key: the parser refuses NUL in a text


def read(text: str) -> Marked:
    """Read *text*; never raises, whatever it holds."""
    marked = Marked()
    reader = _Reader(text, marked)
    try:
        marked.value = reader.document()
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        reader.fault(mark, (), f"not YAML: {said}")
    except yaml.YAMLError as error:
        reader.fault(None, (), f"not YAML: {str(error).partition(chr(10))[0][:120]}")
    except (ValueError, OverflowError):
        # Escapes beyond Unicode and versions of 5,000 digits end in chr() and int() of the scanner.
        reader.fault(reader.mark, (), "not YAML: an escape or a number beyond all bounds follows")
    return marked


def path_text(path: Path) -> str:
    """``packages[0].how.rate``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class _Stop(Exception):
    """Raised after a fault, where reading on makes no sense."""


class _Reader:
    """One walk over the events of one text."""

    def __init__(self, text: str, marked: Marked) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._marked = marked
        self._count = 0
        self.mark: Any = None

    def document(self) -> Any:
        self._next()  # the stream's begin
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self._stop((), "nothing in it")
        value = self._value(self._next(), ())
        self._next()  # the document's end
        if not isinstance(self._next(), yaml.StreamEndEvent):
            self._stop((), "a second document: one file holds one")
        return value

    def fault(self, mark: Any, path: Path, message: str) -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self._marked.faults.append(Fault(line, column, path_text(path), message))

    def _stop(self, path: Path, message: str) -> None:
        self.fault(self.mark, path, message)
        raise _Stop

    def _next(self) -> Any:
        event = next(self._events)
        self.mark = event.start_mark
        self._count += 1
        if self._count > _MAX_EVENTS:
            self._stop((), "more than any file of this kind needs to say")
        return event

    def _value(self, event: Any, path: Path) -> Any:
        self._marked.places[path] = (event.start_mark.line + 1, event.start_mark.column + 1)
        if len(path) > _MAX_DEPTH:
            self._stop((), f"nested deeper than {_MAX_DEPTH} levels")
        self._refuse_references(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _refuse_references(self, event: Any, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent):
            what = f"*{event.anchor}"
            hint = "write it out, or quote it if it is a pattern"
            self.fault(event.start_mark, path, f"{_shown(what)} is an alias: {hint}")
        elif event.anchor is not None:
            self.fault(event.start_mark, path, f"&{event.anchor[:_SHOWN]} is an anchor: remove it")
        if getattr(event, "tag", None) is not None:
            self.fault(event.start_mark, path, f"{_shown(event.tag)} is a tag: remove it")

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            mark = event.start_mark
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse_references(event, path)
                self._stop(path, "a key that is no word")
            key = self._scalar(event, path)
            name = key if isinstance(key, str) else event.value
            inside = (*path, name)
            if name in values:
                first, _ = self._marked.places[(*inside, KEY)]
                self.fault(mark, inside, f"given twice, first in line {first}: only one can count")
            else:
                self._marked.places[(*inside, KEY)] = (mark.line + 1, mark.column + 1)
            value = self._value(self._next(), inside)
            values.setdefault(name, value)
        return values

    def _sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: Any, path: Path) -> str | int | bool | None:
        if isinstance(event, yaml.AliasEvent):
            return None
        value = str(event.value)
        if len(value) > _MAX_SCALAR:
            self.fault(event.start_mark, path, f"{_shown(value)}: {len(value)} characters")
            return None
        if event.style is not None or not event.implicit[0]:
            return value
        if value in ("true", "false"):
            return value == "true"
        if why := _surprise(value):
            self.fault(event.start_mark, path, why)
            return None
        return int(value) if _WHOLE.fullmatch(value) else value


def _surprise(value: str) -> str | None:
    """Why a word without quotes must not be taken for what it looks like; None when it may."""
    if not value:
        return "has no value: leave the key out"
    if _WHOLE.fullmatch(value):
        return f"a number of {len(value)} digits" if len(value) > _MAX_DIGITS else None
    found = (why for pattern, why in _TRAPS if pattern.fullmatch(value))
    return next((f"{_shown(value)} is {why}" for why in found), None)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
