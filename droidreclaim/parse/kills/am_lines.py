"""What ActivityManager and Zygote write into the system log about processes that end or start."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.parse.activity.adj import adj_of_label
from droidreclaim.parse.text.uids import uid_of

# "Killing 2745:com.example:sync/u0a90 (adj 985): empty #17": the name may hold colons, so it ends
# at the first slash with a uid behind it. Before Android 4.2 the uid is a bare number.
_NAME = r"(?P<name>.{1,512}?)"
_PID = r"(?P<pid>[0-9]{1,10})"
_UID = r"(?P<uid>[0-9]{1,10}|u[0-9]{1,4}[a-z][0-9a-z-]{1,16})"
_KILLING = re.compile(
    rf"Killing (?:proc )?(?:ProcessRecord\{{[0-9a-f]{{1,16}} )?{_PID}:{_NAME}/{_UID}\}}?"
    r"(?: \(adj (?P<adj>-?[0-9]{1,6})(?:, [^()]{1,80})?\))?: ?(?P<reason>.*)"  # ", setSvc -10000"
)
_KILLING_OLD = re.compile(
    rf"Killing (?:process |app |proc )?(?P<name>[^\s()]{{1,512}}) \(pid[ =]{_PID}\)"
    r"(?::? (?P<reason>.*))?"  # ": error", " at user's request", " because provider ..."
)
_NO_LONGER = re.compile(rf"No longer want {_NAME} \(pid {_PID}\): (?P<reason>.*)")
_ISOLATED = re.compile(rf"Isolated process {_NAME} \(pid {_PID}\) (?P<reason>no longer needed)")
# Samsung puts " (adj 10)" behind the pid.
_DIED = re.compile(
    rf"Process {_NAME} \(pid {_PID}\)(?: \(adj (?P<adj>-?[0-9]{{1,6}})\))? has died\.?"
    r"(?:: *(?P<label>.*))?"
)
_OLD_FORMS = (_NO_LONGER, _ISOLATED, _KILLING_OLD)
_FORCE_STOP = re.compile(
    r"Force stopping (?:package |service |instrumentation )?(?P<package>[^\s:]{1,512})"
    r"(?: (?:appid=(?P<app_id>-?[0-9]{1,10})|uid=[0-9]{1,10}))?(?: user=(?P<user>-?[0-9]{1,6}))?"
    r"(?:: (?P<reason>.*)|$)"
)
_START = re.compile(rf"Start proc {_PID}:{_NAME}/{_UID} for ?(?P<why>.*)")
# pid, parent's pid, name: a process that an app has started by itself (Android 12 and later)
_PHANTOM = rf"PhantomProcessRecord \{{[0-9a-f]{{1,16}} {_PID}:[0-9]{{1,10}}:{_NAME}/{_UID}\}}"
_KILLING_PHANTOM = re.compile(rf"Killing {_PHANTOM}(?:: ?(?P<reason>.*))?")
_PHANTOM_DIED = re.compile(rf"Process {_PHANTOM} (?:has )?died\.?")
_START_OLD = re.compile(
    rf"Start proc (?P<name>\S{{1,512}}) for (?P<why>.{{0,1024}}): pid={_PID}"
    r" uid=(?P<uid>[0-9]{1,10})(?: gids=.*)?"
)
_EXITED = re.compile(
    rf"Process {_PID} (?:exited due to|terminated by) signal \(?(?P<signal>[0-9]{{1,3}})\)?"
    r"(?: \([\w ]{1,40}\))?.{0,40}"
)
_LABELLED = re.compile(r"[a-z]{2,8} *\+ *[0-9]{1,3}(?![0-9])")
_OPENINGS = ("Killing ", "No longer want ", "Force stopping ", "Start proc ")


@dataclass(frozen=True, slots=True)
class Killing:
    """
    ActivityManager kills one process.

    Attributes:
        uid: From the dump form (``u0a90``, ``u0a270i299``); None when it has none.
        oom_score_adj: On the scale of its release (0 to 16 until Android 6).
    """

    pid: int
    name: str
    uid: int | None
    oom_score_adj: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Died:
    """
    A process is gone, for any reason.

    Attributes:
        label: What the line says after the colon: ``cch+95 CEM (41,548)``.
        printed_adj: Samsung's, on the scale of its release.
    """

    pid: int
    name: str
    label: str
    printed_adj: int | None = None

    @property
    def oom_score_adj(self) -> int | None:
        """Where the label has a number: ``cch+95`` is 995, ``cch`` alone only names a band."""
        if self.printed_adj is not None:
            return self.printed_adj
        found = _LABELLED.match(self.label)
        adj = adj_of_label(found[0]) if found else None
        return adj.adj if adj and adj.exact else None


@dataclass(frozen=True, slots=True)
class ForceStopped:
    """A whole package was stopped; its processes have ``Killing`` lines of their own."""

    package: str
    app_id: int | None
    user: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """A process was started; *why* is the kind and component as printed."""

    pid: int
    name: str
    uid: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Exited:
    """Zygote has reaped a child that a signal ended."""

    pid: int
    signal: int


Line = Killing | Died | ForceStopped | Started | Exited


def opens_record(message: str) -> bool:
    """Whether a message starts as a record of this module, readable or not."""
    isolated = (
        message.startswith("Isolated process ") and " (pid " in message
    )  # else a dump's title
    return isolated or message.startswith(_OPENINGS)


def read_activity_line(message: str) -> Line | None:
    """Read one message of tag ActivityManager; None when it is none of these, or unreadable."""
    text = message.strip().replace("\n", " ")
    return _killing(text) or _ending(text) or _starting(text)


def read_zygote_line(message: str) -> Exited | None:
    """Read one message of tag Zygote; None when it is not the end of a child by a signal."""
    found = _EXITED.fullmatch(message.strip())
    return Exited(int(found["pid"]), int(found["signal"])) if found else None


def _killing(text: str) -> Killing | None:
    phantom = _KILLING_PHANTOM.fullmatch(text)
    if phantom is not None:
        uid = uid_of(phantom["uid"])
        return Killing(int(phantom["pid"]), phantom["name"], uid, None, phantom["reason"] or "")
    found = _KILLING.fullmatch(text)
    if found is not None:
        adj = int(found["adj"]) if found["adj"] else None
        return Killing(int(found["pid"]), found["name"], uid_of(found["uid"]), adj, found["reason"])
    old = next((m for one in _OLD_FORMS if (m := one.fullmatch(text))), None)
    if old is None:
        return None
    return Killing(int(old["pid"]), old["name"], None, None, old["reason"] or "")


def _ending(text: str) -> Died | ForceStopped | None:
    died = _DIED.fullmatch(text)
    if died is not None:
        adj = int(died["adj"]) if died["adj"] else None
        return Died(int(died["pid"]), died["name"], (died["label"] or "").strip(), adj)
    phantom = _PHANTOM_DIED.fullmatch(text)
    if phantom is not None:
        return Died(int(phantom["pid"]), phantom["name"], "")
    stop = _FORCE_STOP.fullmatch(text)
    if stop is None:
        return None
    return ForceStopped(
        stop["package"],
        int(stop["app_id"]) if stop["app_id"] else None,
        int(stop["user"]) if stop["user"] else None,
        stop["reason"] or "",
    )


def _starting(text: str) -> Started | None:
    found = _START.fullmatch(text) or _START_OLD.fullmatch(text)
    if found is None:
        return None
    return Started(int(found["pid"]), found["name"], uid_of(found["uid"]), found["why"])
