"""A footprint from a connected phone: sampled until its time is over or Ctrl-C, then judged."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from droidreclaim.errors import DroidReclaimError, NotAchieved, NotPossible, UsageError
from droidreclaim.helper import verbs
from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.footprint.apps import owners
from droidreclaim.inspect.footprint.looks import Looker
from droidreclaim.inspect.footprint.sampler import Sampler, hz_of
from droidreclaim.inspect.footprint.states import StateReader
from droidreclaim.inspect.footprint.trim import trim as ask_to_trim
from droidreclaim.inspect.headroom import booted_at
from droidreclaim.inspect.limits import STATUS
from droidreclaim.inspect.play_memory import load
from droidreclaim.model import ProcessId
from droidreclaim.model.footprint import Death, Footprint, Limiter, Reading, Track, Trimmed
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.policy import footprint as policy
from droidreclaim.policy import parse_targets
from droidreclaim.units import seconds_of

if TYPE_CHECKING:
    from droidreclaim.session.phone import Phone

_LAST_READING_S = 15.0
_KILL_SLACK_S = 10.0
_CLOCK_SLACK_S = 2.0  # date and /proc/uptime are read one after the other
_CLOCK = "date +%s.%N; cat /proc/uptime"

_log = logging.getLogger("droidreclaim")


def packages_of(words: Sequence[str]) -> tuple[str, ...]:
    """
    Package names, each once.

    Raises:
        UsageError: none, a pid, or the name of a process.
    """
    for word in words:
        package, colon, _ = word.partition(":")
        if colon and package != "pid":
            hint = f"all processes of {package} are sampled: give that"
            raise UsageError(f"{word!r} is the name of a process", hint=hint)
    names, pids = parse_targets(words)
    if pids or not names:
        raise UsageError("footprint takes package names")
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Signals:
    """Events between threads: *begun*: all processes were looked for; *stop*: end the sampling."""

    begun: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


class FootprintWatch:
    """
    Samples apps while a block runs, in a thread and a session of its own.

    Attributes:
        seen: What was seen, when the block has ended.
    """

    def __init__(self, phone: Phone, packages: Sequence[str], hz: float, *, game: bool) -> None:
        self._phone, self._names = phone.another(), packages_of(packages)
        self._hz, self._game = hz_of(hz), game
        self._signals = Signals()
        self._seen: Footprint | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="footprint", daemon=True)

    @property
    def seen(self) -> Footprint:
        """
        What was seen of the apps.

        Raises:
            UsageError: the block has not ended, or was never entered.
        """
        if self._seen is None:
            raise UsageError("a footprint is there when its block has ended")
        return self._seen

    def __enter__(self) -> FootprintWatch:
        self._thread.start()
        while not self._signals.begun.wait(0.1) and self._thread.is_alive():
            pass
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signals.stop.set()
        self._thread.join()
        self._phone.close()
        if error is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._seen = measure(
                self._phone, self._names, lasting=None, hz=self._hz, game=self._game,
                signals=self._signals,
            )  # fmt: skip
        except BaseException as error:
            self._error = error


def measure(
    phone: Phone,
    packages: Sequence[str],
    *,
    lasting: float | str | None,
    hz: float,
    game: bool,
    trim: bool = False,
    signals: Signals | None = None,
) -> Footprint:
    """As `Phone.footprint`."""
    names, thresholds = packages_of(packages), load(game=game)
    for_s = None if lasting is None else seconds_of(lasting)
    hz = hz_of(hz)
    helper = phone.reader
    info = phone.info
    meminfo = verbs.files_of(helper.session.call_all([verbs.read_files("meminfo")])[0])
    ram_bytes = parse_meminfo(meminfo.get("/proc/meminfo") or "").total_bytes
    apps = owners(phone.device, names, timeout_s=phone.timeout_s)
    booted = _booted_at(phone)
    way = phone.way_if_any() if phone.rooted else None
    sampled: dict[ProcessId, Track] = {}
    looker = Looker(phone.device, way, sampled.values, phone.timeout_s)
    reader = StateReader(
        phone.device, apps, timeout_s=phone.timeout_s, on_reading=looker.look_after
    )
    sampler = Sampler(
        lambda: phone.reader, phone.close, reader, apps, hz, tracks=sampled, sampled=looker.sampled
    )
    began_s = time.monotonic()
    _sample(sampler, None if for_s is None else began_s + for_s, names, signals or Signals())
    reader.close(_LAST_READING_S)
    looker.close(_LAST_READING_S)
    tracks = [one for one in sampled.values() if one.at_us]
    if not tracks:
        raise nothing_seen(names, sampler)
    if not reader.readings and reader.refused:
        _log.warning("states are unknown: %s", reader.refused)
    deaths = _deaths(phone, tracks, time.monotonic() - began_s + _set_ahead_s(phone, booted))
    ram_gb = policy.ram_class(ram_bytes, thresholds.classes)
    uses = tuple(policy.judge(one, reader.readings, thresholds.classes, hz) for one in tracks)
    return Footprint(
        device=info,
        packages=names,
        kind=thresholds.kind,
        hz=hz,
        from_us=min(one.at_us[0] for one in tracks),
        until_us=max(one.at_us[-1] for one in tracks),
        booted_at_s=booted.timestamp() if booted else None,
        ram_bytes=ram_bytes,
        ram_gb=ram_gb,
        judged_gb=policy.judged_as(ram_bytes, thresholds.classes),
        processes=uses,
        readings=tuple(reader.readings),
        deaths=deaths,
        gaps=policy.gaps_of(tracks, hz),
        bound=policy.bound_by(uses, reader.readings),
        looks=tuple(looker.looks),
        bitmap_limits=thresholds.bitmaps_bytes,
        limiter=_limiter(phone, names),
        trimmed=_trimmed(phone, tracks, reader.readings) if trim else (),
    )


def nothing_seen(names: Sequence[str], sampler: Sampler) -> DroidReclaimError:
    """Why there is no sample: no process, none that may be read, or no time for the first."""
    if sampler.tracks:
        met = ", ".join(f"{one.name} (pid {one.id.pid})" for one in [*sampler.tracks.values()][:3])
        return NotAchieved(f"no sample was taken of {met}", hint="longer: --for 10s")
    words = f"no process of {', '.join(names)} was seen"
    if sampler.unreadable is not None:
        return NotPossible(f"{words}, and some cannot be read: {sampler.unreadable}",
                           hint="root reads all of them; see 'droidreclaim doctor'")  # fmt: skip
    return NotAchieved(words, hint="start the app first")


def _booted_at(phone: Phone) -> datetime | None:
    clock = ask_device(phone.device, {"clock": _CLOCK}, None, timeout_s=phone.timeout_s)["clock"]
    return booted_at(clock.text)


def _set_ahead_s(phone: Phone, booted: datetime | None) -> float:
    """How far the device's clock was set forward meanwhile, which samples do not show."""
    now = _booted_at(phone)
    if booted is None or now is None:
        return 0.0
    ahead_s = (now - booted).total_seconds()
    if abs(ahead_s) > _CLOCK_SLACK_S:
        _log.warning("the device's clock was set by %+.0f s meanwhile: times of day are by the "
                     "clock that it had first", ahead_s)  # fmt: skip
    return max(0.0, ahead_s)


def _sample(sampler: Sampler, ends_s: float | None, names: Sequence[str], signals: Signals) -> None:
    """Sample until the time is over or Ctrl-C, which is raised only before the first process."""
    was_said = False

    def until() -> bool:
        nonlocal was_said
        if not sampler.tracks and not was_said and sampler.asked:
            was_said = True
            _log.info("no process of %s yet: waiting for one", ", ".join(names))
        if sampler.asked:
            signals.begun.set()
        return signals.stop.is_set() or (ends_s is not None and time.monotonic() >= ends_s)

    try:
        sampler.run(until)
    except KeyboardInterrupt:
        if not sampler.tracks:
            raise


def _limiter(phone: Phone, names: Sequence[str]) -> Limiter | None:
    """Android 17's limiter and how far each process is from it; None where there is none."""
    status = {"limiter": STATUS}
    try:
        answer = ask_device(phone.device, status, None, timeout_s=phone.timeout_s)["limiter"]
        limiter = answer.read(parse_memory_limiter)
        limits = [one for name in names for one in phone.limits(name).processes]
    except NotAchieved:
        limits = []  # no process runs any more
    except DroidReclaimError as error:
        _log.debug("no memory limiter: %s", error)
        return None
    both = [
        None if None in pair else sum(size or 0 for size in pair)
        for pair in (
            (limiter.visible_bytes, limiter.visible_swap_bytes),
            (limiter.hidden_bytes, limiter.hidden_swap_bytes),
        )
    ]
    left = {one.process.pid: one.kill_left_bytes for one in limits}
    known = {pid: size for pid, size in left.items() if size is not None}
    return Limiter(limiter.enabled, both[0], both[1], known)


def _trimmed(
    phone: Phone, tracks: Sequence[Track], readings: Sequence[Reading]
) -> tuple[Trimmed, ...]:
    living = [one for one in tracks if one.ended_us is None and not one.isolated]
    states = dict(readings[-1].states) if readings else {}
    try:
        return ask_to_trim(phone.device, living, states, timeout_s=phone.timeout_s)
    except DroidReclaimError as error:
        _log.warning("what a trim gives back is unknown: %s", error)
        return ()


def _deaths(phone: Phone, tracks: Sequence[Track], lasted_s: float) -> tuple[Death, ...]:
    """Processes that ended, with who killed them: unknown where the device's logs are not read."""
    ended = [one for one in tracks if one.ended_us is not None]
    if not ended:
        return ()
    by_pid = {}
    try:
        kills = phone.kills(since=lasted_s + _KILL_SLACK_S)
        by_pid = {record.pid: record for record in kills.records}
    except DroidReclaimError as error:
        _log.info("who ended them is unknown: %s", error)
    found = []
    for one in ended:
        record = by_pid.get(one.id.pid)
        by, reason = (record.by.value, record.reason) if record else (None, None)
        found.append(Death(one.id, one.name, one.ended_us or 0, by, reason))
    return tuple(found)
