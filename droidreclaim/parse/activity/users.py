"""``dumpsys activity users`` and ``pm list users``: which Android users there are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import answer_lines, no_rows

ACTIVITY_USERS = "dumpsys activity users"
PM_USERS = "pm list users"

_STATE = re.compile(r" *User #(\d{1,6}): state=(\w{1,40})")
_CURRENT = re.compile(r" *mCurrentUserId: ?(-?\d{1,6})")
# The name may hold colons and braces; the id stands before it, the flags (hex) after.
_USER_INFO = re.compile(
    r"\s*UserInfo\{(\d{1,6}):(.{0,300}):([0-9a-f]{1,8})\}(?P<running> running)?"
)


@dataclass(frozen=True, slots=True)
class StartedUsers:
    """
    Users that are started.

    Attributes:
        current: The user in front; None when the dump does not say.
        states: By user id: ``RUNNING_UNLOCKED``, ``RUNNING_LOCKED`` and so on.
    """

    current: int | None
    states: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class AndroidUser:
    """A user: 0 the owner, 10 and up work profiles, guests, a car's driver, 999 a dual app."""

    id: int
    name: str
    flags: int
    running: bool


def parse_started_users(text: str) -> StartedUsers:
    """
    Read ``dumpsys activity users``.

    Raises:
        ParseError: no user is in it.
    """
    lines = answer_lines(ACTIVITY_USERS, text)
    for number, line in lines:  # "processes" of Android 9 lists the started users too
        if line.startswith("ACTIVITY MANAGER ") and not line.startswith("ACTIVITY MANAGER USERS"):
            raise ParseError(ACTIVITY_USERS, number, line, hint="this is another dump")
    states = [(int(m[1]), m[2]) for _, line in lines if (m := _STATE.fullmatch(line))]
    current = [int(m[1]) for _, line in lines if (m := _CURRENT.fullmatch(line))]
    if not states:
        raise no_rows(ACTIVITY_USERS, text, "started user")
    return StartedUsers(current[0] if current else None, tuple(states))


def parse_users(text: str) -> tuple[AndroidUser, ...]:
    """
    Read ``pm list users``.

    Raises:
        ParseError: a row cannot be read, or there is none.
    """
    users = []
    for number, line in answer_lines(PM_USERS, text):
        match = _USER_INFO.fullmatch(line)
        if match:
            user_id, name, flags = match[1], match[2], match[3]
            users.append(AndroidUser(int(user_id), name, int(flags, 16), bool(match["running"])))
        elif line and line.strip() != "Users:":
            raise ParseError(PM_USERS, number, line)
    if not users:
        raise no_rows(PM_USERS, text, "user")
    return tuple(users)
