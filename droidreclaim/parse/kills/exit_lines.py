"""``ApplicationExitInfo``: what the framework files of an ended process, read as a kill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from droidreclaim.parse.activity.exits import ProcessExit, exit_code, exit_fields, exit_time
from droidreclaim.parse.kills.logcat import LogEntry
from droidreclaim.parse.kills.records import KilledBy, KillRecord, killer_of
from droidreclaim.parse.kills.times import printed_time
from droidreclaim.parse.text.answer import size_bytes

# android.app.ApplicationExitInfo: reasons that are somebody's doing.
_KILLERS = {
    0: KilledBy.UNKNOWN,
    2: KilledBy.UNKNOWN,
    3: KilledBy.LMKD,
    4: KilledBy.CRASH,
    5: KilledBy.CRASH,
    6: KilledBy.ANR,
    7: KilledBy.CRASH,
    10: KilledBy.USER,
    11: KilledBy.USER,
    14: KilledBy.FREEZER,
}
# Filed under USER REQUESTED: what "am kill" or an app that may ask for it ended in the background.
_BACKGROUND = re.compile("KILL[ _]BACKGROUND")
EXIT_SELF = 1  # the app's own exit is no kill

# toString(), which apps and vendors log: all on one line, the last parenthesis missing, the time
# in the short form of the phone's language ("02/07/26, 17.46", "7/2/26, 5:46 PM").
_OPENING = "ApplicationExitInfo(timestamp="
_LAST_KEY = " trace="
_NUMBER = re.compile(r"-?[0-9]{1,10}")
_SHORT_TIME = re.compile(
    r"(?P<a>[0-9]{1,4})[./ -]{1,2}(?P<b>[0-9]{1,2})[./ -]{1,2}(?P<c>[0-9]{1,4})\.?,?\s{1,2}"
    r"(?P<hour>[0-9]{1,2})[:.h](?P<minute>[0-9]{2})(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
)
_ORDERS = (("c", "b", "a"), ("c", "a", "b"), ("a", "b", "c"))  # where year, month and day stand


def record_of_exit(one: ProcessExit) -> KillRecord:
    """An ended process of ``dumpsys activity exit-info`` as a kill."""
    at = one.when.isoformat(sep=" ", timespec="milliseconds")
    words = (one.description, one.subreason_name, one.reason_name)
    return _record(0, at, one.pid, one.reason, words, one.process, one.uid, one.rss_bytes)


def has_exit(text: str) -> bool:
    """Whether a record of exit-info in one line begins in *text*."""
    return _OPENING in text


def exit_is_cut(text: str) -> bool:
    """Whether the last such record in *text* lacks its end, as one that was wrapped does."""
    return _OPENING in text and _LAST_KEY not in text.rpartition(_OPENING)[2]


def read_exits(entry: LogEntry) -> Iterator[KillRecord]:
    """
    The kills of the one-line records in a message, which may be a list of them.

    Raises:
        ValueError: one lacks its pid, process or reason.
    """
    for part in entry.message.split(_OPENING)[1:]:
        fields = exit_fields(f"timestamp={part}")
        try:
            reason, reason_name = exit_code(fields["reason"])
            subreason_name = exit_code(fields["subreason"])[1] if "subreason" in fields else ""
            pid, process = _number(fields["pid"]), fields["process"]
            uid = _number(fields["realUid"]) if "realUid" in fields else None
        except KeyError as error:
            raise ValueError(f"no {error}") from error
        if reason == EXIT_SELF:
            continue
        description = fields.get("description", "null")
        words = (None if description == "null" else description, subreason_name, reason_name)
        at = _ended_at(fields["timestamp"].strip(), entry.at)
        rss_bytes = size_bytes(fields.get("rss", ""))
        yield _record(entry.line_number, at, pid, reason, words, process, uid, rss_bytes)


def _record(
    line_number: int,
    at: str | None,
    pid: int,
    reason: int,
    words: tuple[str | None, str, str],
    process: str,
    uid: int | None,
    rss_bytes: int | None,
) -> KillRecord:
    description, subreason_name, _ = words
    by = _KILLERS.get(reason, killer_of(description or subreason_name))
    if by is KilledBy.USER and _BACKGROUND.fullmatch(subreason_name):
        by = KilledBy.ACTIVITY_MANAGER
    said = next((word for word in words if word and word != "UNKNOWN"), "")
    return KillRecord(
        line_number=line_number,
        at=at,
        by=by,
        pid=pid,
        reason=said,
        source="exit-info",
        name=process,
        uid=uid,
        freed_bytes=rss_bytes or None,
    )


def _number(printed: str) -> int:
    if _NUMBER.fullmatch(printed) is None:
        raise ValueError("number")
    return int(printed)


def _ended_at(printed: str, logged_at: str | None) -> str | None:
    """
    When the process ended; None where the short form can be read as several days.

    Where that is the minute of the log line, the line has the seconds.
    """
    try:
        return exit_time(printed).isoformat(sep=" ", timespec="milliseconds")
    except ValueError:
        pass
    moments = set(_moments(printed))
    if any(_is_minute_of(moment, logged_at) for moment in moments):
        return logged_at
    if len(moments) == 1:
        return moments.pop().isoformat(sep=" ", timespec="milliseconds")
    return None


def _moments(printed: str) -> Iterator[datetime]:
    found = _SHORT_TIME.fullmatch(printed)
    if found is None:
        return
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    for order in _ORDERS:
        year, month, day = (int(found[name]) for name in order)
        if len(found[order[0]]) not in (2, 4):
            continue
        try:
            yield datetime(year + (2000 if year < 100 else 0), month, day, hour,
                           int(found["minute"]))  # fmt: skip
        except ValueError:
            continue


def _is_minute_of(moment: datetime, logged_at: str | None) -> bool:
    line = printed_time(logged_at, moment.year) if logged_at else None
    if line is None or not line.has_date:
        return False
    return line.moment.replace(second=0, microsecond=0) == moment
