"""What the user looks at: ``dumpsys activity activities`` and the focus lines of ``window``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TypeVar

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

FOCUS = "dumpsys activity activities"

# "ActivityRecord{1a70f4a u0 pkg/pkg.Cls} t6294}": Android 12 and 13 close the brace twice.
_ACTIVITY = re.compile(
    r"ActivityRecord\{\S{1,16} u(?P<user>\d{1,4}) "
    r"(?P<package>[^\s/}]{1,255})/(?P<cls>[^\s},]{1,255})"  # Honor: ", isShadow:false t75"
    r"(?:,? isShadow:\w{4,5})?(?:\}? t(?P<task>-?\d{1,9}))?"
)
# No user before Android 4.2; what the window does just now may follow its title.
_WINDOW = re.compile(
    r"Window\{\S{1,16} (?:u(?P<user>-?\d{1,4}) )?(?P<title>[^}]{1,400}?)"
    r"(?: EXITING| paused=\w{4,5}){0,2}\}"
)
_WINDOW_HEAD = re.compile(rf" *Window #\d{{1,4}} {_WINDOW.pattern}:")
_WINDOW_OWNER = re.compile(
    r" *mOwnerUid=(?P<uid>\d{1,9}) .{0,100}?\bpackage=(?P<package>\S{1,255})(?: .{0,200})?"
)
_DISPLAY = re.compile(r" *Display(?: #|: mDisplayId=)(\d{1,9})\b")
_FOCUSED_DISPLAY = re.compile(r" *mTopFocusedDisplayId=(\d{1,9})")
_LINE = re.compile(
    r"(?P<key>m?ResumedActivity|Resumed|m?[tT]opResumedActivity|mFocusedActivity|mFocusedApp|"
    r"mCurrentFocus)(?::|=) ?(?P<value>.{0,1000})"
)
_T = TypeVar("_T")
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


@dataclass(slots=True)
class _Reading:
    """What was read so far, and the display the next line belongs to."""

    display: int | None = None
    focused_display: int | None = None
    activities: dict[str, list[Activity]] = field(default_factory=dict)
    windows: list[tuple[int | None, str | None]] = field(default_factory=list)


def parse_focus(text: str) -> Focus:
    """
    Read ``dumpsys activity activities`` or ``dumpsys window`` (any lines of them, filtered or not).

    Raises:
        ParseError: it is another dump, no line speaks of focus, or one names no activity.
    """
    lines = answer_lines(FOCUS, text)
    reading = _Reading()
    for number, line in lines:
        _refuse_other_dump(number, line)
        if match := _DISPLAY.match(line):
            reading.display = int(match[1])
        elif match := _FOCUSED_DISPLAY.fullmatch(line):
            reading.focused_display = int(match[1])
        else:
            _read_line(reading, (number, line))
    listed = _listed_windows(lines)
    if not reading.activities and not reading.windows and not listed:
        raise no_rows(FOCUS, text, "resumed activity or focused window")
    return _focus(reading, listed)


def _read_line(reading: _Reading, numbered: NumberedLine) -> None:
    line = numbered[1]
    match = _LINE.fullmatch(line.lstrip())
    if match is None or match["value"] == "":
        return
    key = match["key"]
    if key == "mCurrentFocus":
        reading.windows.append((reading.display, _window(numbered, match["value"])))
        return
    # Resumed activities outside the list of a display are the device's, not the last display's.
    of_display = key == "mFocusedApp" or line.startswith("    ")
    activity = _activity(numbered, match["value"], reading.display if of_display else None)
    reading.activities.setdefault(key, []).extend([activity] if activity else [])


def _listed_windows(lines: list[NumberedLine]) -> tuple[Window, ...]:
    windows: list[Window] = []
    for _, line in lines:
        if head := _WINDOW_HEAD.fullmatch(line):
            windows.append(Window(head["title"], int(head["user"] or 0), None, None))
        elif windows and (owner := _WINDOW_OWNER.fullmatch(line)):
            last = windows[-1]
            windows[-1] = replace(last, package=owner["package"], owner_uid=int(owner["uid"]))
    return tuple(windows)


def _focus(reading: _Reading, listed: tuple[Window, ...]) -> Focus:
    tops = [activity for key in _TOP for activity in reading.activities.get(key, [])]
    apps = [(app.display, app) for app in reading.activities.get("mFocusedApp", [])]
    titles = [(display, title) for display, title in reading.windows if title is not None]
    return Focus(
        top=tops[0] if tops else None,
        resumed=_resumed(reading.activities),
        focused_app=_on_display(apps, reading.focused_display),
        window=_on_display(titles, reading.focused_display),
        windows=listed,
    )


def _resumed(activities: dict[str, list[Activity]]) -> tuple[Activity, ...]:
    # The device's own line first, for it names the one in front; the others know the display.
    resumed: dict[tuple[str, str, int, int | None], Activity] = {}
    for key in ("ResumedActivity", "mResumedActivity", "Resumed", *_TOP):
        for activity in activities.get(key, []):
            name = (activity.package, activity.class_name, activity.user, activity.task)
            if name not in resumed or activity.display is not None:
                resumed[name] = activity
    return tuple(resumed.values())


def _on_display(found: list[tuple[int | None, _T]], display: int | None) -> _T | None:
    """The first on the display that has the focus, else the first."""
    on_it = [one for where, one in found if where == display]
    return next(iter(on_it or [one for _, one in found]), None)


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
