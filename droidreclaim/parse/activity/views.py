"""What ``uiautomator dump`` writes: the views on the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from droidreclaim.errors import ParseError

SOURCE = "uiautomator dump"
_KEPT = ("package", "text", "resource-id", "content-desc")
_BOUNDS = re.compile(r"\[(-?\d{1,6}),(-?\d{1,6})\]\[(-?\d{1,6}),(-?\d{1,6})\]")


@dataclass(frozen=True, slots=True)
class View:
    """
    One view on the screen.

    Attributes:
        package: Of the app that shows it.
        resource_id: ``com.example.game:id/score``; empty where the app gave it none.
        description: For those who do not see it (``content-desc``).
        bounds: Left, top, right and bottom, in pixels.
    """

    package: str
    text: str
    resource_id: str
    description: str
    bounds: tuple[int, int, int, int]

    @property
    def center(self) -> tuple[int, int]:
        """Where a finger would touch it."""
        left, top, right, bottom = self.bounds
        return (left + right) // 2, (top + bottom) // 2


def parse_views(text: str) -> tuple[View, ...]:
    """
    Read ``uiautomator dump``, in its order: parents before children.

        <hierarchy rotation="0"><node index="0" text="Score: 5" content-desc=""
            resource-id="com.example.game:id/score" class="android.widget.TextView"
            package="com.example.game" bounds="[40,60][280,100]" ... /></hierarchy>

    Raises:
        ParseError: it is no such document, is cut short, or a view has no bounds.
    """
    found = _Views()
    try:
        parser = Xml.XMLParser(target=found)
        parser.feed(text)
        parser.close()
    except (Xml.ParseError, ValueError) as error:
        raise ParseError(SOURCE, 1, text[:80] or str(error)) from error
    if not found.views:
        raise ParseError(SOURCE, 1, text[:80])
    return tuple(found.views)


class _Views:
    """Takes the nodes while they are read: no tree is built, however deep a device nests it."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise ValueError("a document type, which uiautomator does not write")

    def start(self, tag: str, values: dict[str, str]) -> None:
        if tag != "node":
            return
        bounds = _BOUNDS.fullmatch(values.get("bounds", ""))
        if bounds is None:
            raise ValueError("a view without bounds")
        left, top, right, bottom = map(int, bounds.groups())
        package, text, ident, words = (values.get(name, "") for name in _KEPT)
        self.views.append(View(package, text, ident, words, (left, top, right, bottom)))

    def close(self) -> None:
        return None
