"""Whether an app lived through something; and if not, who ended it, when, at which adj and why."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from droidreclaim.errors import DroidReclaimError
from droidreclaim.escape import safe
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.session import App, AppIdentity, Phone
from droidreclaim.units import format_size

_LOG_S = 6.0  # all lines about one kill came within 0.85 s in every capture; a busy phone is late
_MOST_OTHERS = 5


class DidNotSurvive(AssertionError):
    """The message says what became of the app; `kill` is the record of its end, where one is."""

    kill: KillRecord | None = None


@contextmanager
def survives(phone: Phone, app: App) -> Iterator[AppIdentity]:
    """
    Check that *app* is the same process, with the same activity, after the block as before.

    Raises:
        DidNotSurvive: it does not run when the block begins, or has another process or activity
            at its end.
    """
    before = app.identity()
    if before.process is None:
        raise DidNotSurvive(f"{app.package} does not run on {phone.serial}: open it first")
    headroom, begun_s = _headroom(phone), time.monotonic()
    yield before
    after = app.identity()
    if after.process != before.process:
        raise _lost(phone, app, before, after, headroom, begun_s)
    if before.activity is not None and after.activity != before.activity:
        raise DidNotSurvive(
            f"{app.package} lost its activity on {phone.serial}: {before.activity} became "
            f"{after.activity or 'none'} in the same process, pid {before.process.pid}"
        )


def _lost(
    phone: Phone,
    app: App,
    before: AppIdentity,
    after: AppIdentity,
    headroom: Headroom | None,
    begun_s: float,
) -> DidNotSurvive:
    assert before.process is not None
    kills = _kills(phone, before.process.pid, begun_s)
    own = next((one for one in reversed(kills) if one.pid == before.process.pid), None)
    others = [one for one in kills if one is not own]
    now = f"runs again as pid {after.process.pid}" if after.process else "does not run now"
    lines = [
        f"{app.package} did not survive on {phone.serial} "
        f"({phone.info.model or 'unknown model'}, SDK {phone.info.sdk or '?'})",
        f"  process   pid {before.process.pid} is gone; it {now}",
    ]
    if own is None:
        lines.append("  killed    by nobody who said so: no log and no exit-info names it")
    else:
        adj = "unknown" if own.oom_score_adj is None else own.oom_score_adj
        lines.append(f"  killed    by {own.by.value}, {own.at or 'no time said'}, at adj {adj}")
        lines.append(f"  reason    {own.reason or 'none said'}")
    lines.append(f"  headroom  {_far(headroom)} when it began, {_far(_headroom(phone))} now")
    if others:
        named = ", ".join(
            f"{one.name or one.pid} ({one.by.value})" for one in others[-_MOST_OTHERS:]
        )
        lines.append(f"  besides   {len(others)} more killed meanwhile, the last: {named}")
    error = DidNotSurvive("\n".join(safe(line) for line in lines))
    error.kill = own
    return error


def _kills(phone: Phone, pid: int, begun_s: float) -> Sequence[KillRecord]:
    """Ask for kills since the block began, until that of *pid* is among them or time is over."""
    end_s = time.monotonic() + _LOG_S
    found: Sequence[KillRecord] = ()
    while True:
        try:
            found = phone.kills(since=time.monotonic() - begun_s + 1).records
        except DroidReclaimError:
            return found
        if any(one.pid == pid for one in found) or time.monotonic() > end_s:
            return found
        time.sleep(1)


def _headroom(phone: Phone) -> Headroom | None:
    try:
        return phone.headroom()
    except DroidReclaimError:
        return None


def _far(seen: Headroom | None) -> str:
    if seen is None or seen.headroom_bytes is None:
        return "unknown"
    rule = f" ({seen.next_rule} next)" if seen.next_rule else ""
    sign = "-" if seen.headroom_bytes < 0 else ""
    return f"{sign}{format_size(abs(seen.headroom_bytes))}{rule}"
