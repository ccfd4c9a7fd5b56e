"""What the user looks at: ``dumpsys activity activities`` and the focus lines of ``window``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from droidreclaim.errors import ParseError
from droidreclaim.parse.text import NumberedLine, answer_lines, no_rows

FOCUS = "dumpsys activity activities"

# "ActivityRecord{1a70f4a u0 pkg/pkg.Cls} t6294}": Android 12 and 13 close the brace twice.
_ACTIVITY = re.compile(
    r"ActivityRecord\{\S{1,16} u(?P<user>\d{1,4}) "
    r"(?P<package>[^\s/}]{1,255})/(?P<cls>[^\s}]{1,255})(?:\}? t(?P<task>-?\d{1,9}))?"
)
_WINDOW = re.compile(r"Window\{\S{1,16} u(?P<user>-?\d{1,4}) (?P<title>[^}]{1,400})\}")
_WINDOW_HEAD = re.compile(rf" *Window #\d{{1,4}} {_WINDOW.pattern}:")
_WINDOW_OWNER = re.compile(
    r" *mOwnerUid=(?P<uid>\d{1,9}) .{0,100}?\bpackage=(?P<package>\S{1,255})(?: .{0,200})?"
)
_DISPLAY = re.compile(r" *Display #(\d{1,9}) ")
_LINE = re.compile(
    r"(?P<key>m?ResumedActivity|Resumed|m?[tT]opResumedActivity|mFocusedActivity|mFocusedApp|"
    r"mCurrentFocus)(?::|=) ?(?P<value>.{0,1000})"
)
_TOP = ("topResumedActivity", "mTopResumedActivity", "mFocusedActivity")


@dataclass(frozen=True, slots=True)
class Activity:
    """
    An activity on a screen.

    Attributes:
        class_name: In full, also where it is printed as ``.Main``.
        task: Task id, None where the line has none.
        display: Id of the display it was listed under, None outside such a list.
    """

    package: str
    class_name: str
    user: int
    task: int | None
    display: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """
    A window of ``dumpsys window windows``, front to back.

    Attributes:
        title: A component, or a name without a slash (``StatusBar``).
        package: None when the line that names it was filtered out; so is *owner_uid*.
    """

    title: str
    user: int
    package: str | None
    owner_uid: int | None


@dataclass(frozen=True, slots=True)
class Focus:
    """
    Who is in front; None or empty for what the dump does not say.

    Attributes:
        top: The one activity that is resumed on top. A sleeping Android 13 has none, though the
            one below the lock screen still counts as resumed.
        resumed: Resumed activities, one or more a display (a car shows two), each once.
        focused_app: Activity that gets the keys, on the display that has the focus.
        window: Title of the focused window: a component, or ``NotificationShade``.
        windows: Every window listed, whether or not the lines about focus were kept.
    """

    top: Activity | None
    resumed: tuple[Activity, ...]
    focused_app: Activity | None
    window: str | None
    windows: tuple[Window, ...]

    @property
    def foreground(self) -> Activity | None:
        """The best answer to "which app is the user in"."""
        return self.top or self.focused_app or (self.resumed[0] if self.resumed else None)


def parse_focus(text: str) -> Focus:
    """
    Read ``dumpsys activity activities`` or ``dumpsys window`` (any lines of them, filtered or not).

    Raises:
        ParseError: it is another dump, no line speaks of focus, or one names no activity.
    """
    lines = answer_lines(FOCUS, text)
    found: dict[str, list[Activity]] = {}
    windows: list[str | None] = []
    display = None
    for number, line in lines:
        _refuse_other_dump(number, line)
        if match := _DISPLAY.match(line):
            display = int(match[1])
        match = _LINE.fullmatch(line.lstrip())
        if match is None or match["value"] == "":
            continue
        if match["key"] == "mCurrentFocus":
            windows.append(_window((number, line), match["value"]))
            continue
        indented = line.startswith("    ")
        activity = _activity((number, line), match["value"], display if indented else None)
        found.setdefault(match["key"], []).extend([activity] if activity else [])
    listed = _listed_windows(lines)
    if not found and not windows and not listed:
        raise no_rows(FOCUS, text, "resumed activity or focused window")
    return _focus(found, windows, listed)


def _listed_windows(lines: list[NumberedLine]) -> tuple[Window, ...]:
    windows: list[Window] = []
    for _, line in lines:
        if head := _WINDOW_HEAD.fullmatch(line):
            windows.append(Window(head["title"], int(head["user"]), None, None))
        elif windows and (owner := _WINDOW_OWNER.fullmatch(line)):
            last = windows[-1]
            windows[-1] = replace(last, package=owner["package"], owner_uid=int(owner["uid"]))
    return tuple(windows)


def _focus(
    found: dict[str, list[Activity]], windows: list[str | None], listed: tuple[Window, ...]
) -> Focus:
    resumed: dict[tuple[str, str, int, int | None], Activity] = {}
    for key in ("mResumedActivity", "Resumed", "ResumedActivity", *_TOP):
        for activity in found.get(key, []):
            name = (activity.package, activity.class_name, activity.user, activity.task)
            resumed.setdefault(name, activity)
    tops = [activity for key in _TOP for activity in found.get(key, [])]
    focused = found.get("mFocusedApp", [])
    titles = [title for title in windows if title is not None]
    return Focus(
        top=tops[0] if tops else None,
        resumed=tuple(resumed.values()),
        focused_app=focused[0] if focused else None,
        window=titles[0] if titles else None,
        windows=listed,
    )


def _refuse_other_dump(number: int, line: str) -> None:
    if line.startswith("ACTIVITY MANAGER ") and not line.startswith("ACTIVITY MANAGER ACTIVITIES"):
        raise ParseError(FOCUS, number, line, hint="this is another dump")


def _activity(numbered: NumberedLine, value: str, display: int | None) -> Activity | None:
    if value == "null":
        return None
    match = _ACTIVITY.search(value)
    if match is None:
        raise ParseError(FOCUS, *numbered)
    name = match["cls"]
    return Activity(
        package=match["package"],
        class_name=match["package"] + name if name.startswith(".") else name,
        user=int(match["user"]),
        task=None if match["task"] is None else int(match["task"]),
        display=display,
    )


def _window(numbered: NumberedLine, value: str) -> str | None:
    if value == "null":
        return None
    match = _WINDOW.match(value)
    if match is None:
        raise ParseError(FOCUS, *numbered)
    return match["title"]
