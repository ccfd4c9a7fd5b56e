"""How a scenario names what is on the screen, and what it does with it."""

from __future__ import annotations

import re
from typing import Annotated, Protocol, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from droidreclaim.qa.words import Form, Name, OneOf, Place, Typed

_Seen = Annotated[str, Field(min_length=1, max_length=200)]


class _View(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def resource_id(self) -> str: ...
    @property
    def description(self) -> str: ...


class SelectorForm(OneOf):
    """What is meant on the screen; a word alone is its text."""

    word_key = "text"
    text: _Seen | None = Field(default=None, description="Its text, whole.")
    id: _Seen | None = Field(
        default=None, description="Its resource-id: com.example.game:id/score, or score alone."
    )
    desc: _Seen | None = Field(default=None, description="Its content description.")

    def means(self, view: _View) -> bool:
        """Whether this is the view that is meant."""
        if self.id is not None:
            return self.id in (view.resource_id, view.resource_id.rpartition(":id/")[2])
        if self.desc is not None:
            return view.description == self.desc
        return view.text == self.text

    def __str__(self) -> str:
        return f"{self.kind} {getattr(self, self.kind)!r}"


class TypeForm(Form):
    """Text that is typed into a field of the screen, which is tapped first."""

    type: Typed = Field(description="Printable ASCII.")
    into: SelectorForm = Field(description="The field.")


# The kind of a YAML value chooses among the forms, so that a fault is told of the one meant.
Where: TypeAlias = Annotated[
    Annotated[Place, Tag("(place)")] | Annotated[SelectorForm, Tag("(view)")],
    Discriminator(lambda value: "(place)" if isinstance(value, list | tuple) else "(view)"),
]
WhatTyped: TypeAlias = Annotated[
    Annotated[Typed, Tag("(typed)")] | Annotated[TypeForm, Tag("(into)")],
    Discriminator(lambda value: "(into)" if isinstance(value, dict | TypeForm) else "(typed)"),
]


class RememberForm(Form):
    """What is compared before and after: a text on the screen, or what a command prints."""

    name: Name = Field(description="How the report calls it.")
    shell: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Runs on the device."
    )
    screen: SelectorForm | None = Field(default=None, description="The text of this on the screen.")
    match: str | None = Field(
        default=None, description="Regular expression: only its first group, or all it matches."
    )

    @model_validator(mode="after")
    def _is_regular(self) -> RememberForm:
        if (self.shell is None) == (self.screen is None):
            raise ValueError("exactly one is wanted here of shell, screen")
        try:
            re.compile(self.match or "")
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from error
        return self


class MaestroForm(Form):
    """A flow of Maestro, run by the user's own ``maestro``."""

    word_key = "flow"
    flow: Annotated[str, Field(min_length=1)] = Field(description="A file beside the scenario.")
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], str] = Field(
        default_factory=dict, description="Given to the flow, besides DROIDRECLAIM_ROUND and so on."
    )
