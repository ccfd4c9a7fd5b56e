"""From looks to frames: what changed since the look before, who died, what came back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from droidreclaim.inspect.headroom import WINDOW_S, Basis
from droidreclaim.model import Advice, Memory, Process, ProcessId
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.parse.proc.swap import parse_zram_bd_stat, parse_zram_mm_stat
from droidreclaim.policy.lmkd import Headroom, Sample, headroom
from droidreclaim.reclaim.swap_state import SwapState, read_swap_state
from droidreclaim.top.frame import Action, Death, Frame, GuardState, Head, Moment, Swap
from droidreclaim.top.look import Look
from droidreclaim.top.rows import Known, rows_of, rows_of_deaths

PAST_S = 300.0
AWAY_ADJ = 500  # out of the foreground, as the guard counts: services and what comes after
DEAD_S = 60.0  # how long a killed app stays on the screen
ESTIMATE_EVERY_S = 10.0
# A dry run reads pagemap: at 1/200 of the time estimates cost half a percent of a core.
_ESTIMATE_SHARE = 200
_AT_ONCE = 40
_MOST_KILLS = 100
_NEW_PAGE_OUT_BYTES = 1 << 20
_PAGE_BYTES = 4096


@dataclass
class _Track:
    """
    What is remembered of one process.

    Attributes:
        away_since: Boot time at which it was first seen away; None in the foreground.
        peak_swap_bytes: The most it had in swap since its last page-out.
    """

    away_since: float | None = None
    away_at_least: bool = False
    swap_bytes: int = 0
    peak_swap_bytes: int = 0
    estimate: Advice | None = None
    estimated: tuple[float, Memory] | None = None


class History:
    """
    Makes a `Frame` of each look; one thread at a time.

    Attributes:
        guard: The state of the guard when it was asked last.
        pss_bytes: By package and user, where it was asked for.
        actions: This view's last action on each row, by the row's key.
        guards_actions: The guard's last action on each process.
    """

    def __init__(self, *, source: str, root: str | None) -> None:
        self.guard: GuardState | None = None
        self.pss_bytes: dict[str, int] = {}
        self.actions: dict[str, Action] = {}
        self.guards_actions: dict[ProcessId, Action] = {}
        self._source, self._root = source, root
        self._tracks: dict[ProcessId, _Track] = {}
        self._last: dict[ProcessId, Process] = {}
        self._deaths: list[Death] = []
        self._kills: list[KillRecord] = []
        self._counts: Counter[str] = Counter()
        self._past: list[Moment] = []
        self._samples: list[Sample] = []
        self._next_estimate_s = 0.0

    def add_kill(self, record: KillRecord) -> None:
        """Take note of a kill as it was told, some seconds after it happened."""
        self._kills = [*self._kills, record][-_MOST_KILLS:]
        self._counts[record.by.value] += 1

    def due(self, packages: Iterable[str] | None, now_s: float) -> tuple[Process, ...]:
        """
        The processes of the last look whose page-out is to be estimated in the next.

        Args:
            packages: Keys (`Row.key`) of the rows on the screen; None for all.
        """
        if now_s < self._next_estimate_s:
            return ()
        visible = None if packages is None else set(packages)
        due = []
        for process in self._last.values():
            track = self._tracks.get(process.id) if process.id else None
            is_visible = visible is None or any(
                f"{process.user} {one}" in visible for one in process.packages
            )
            if track is None or not is_visible:
                continue
            known = track.estimated
            if known is None or (
                now_s - known[0] >= ESTIMATE_EVERY_S and known[1] != process.memory
            ):
                due.append((known[0] if known else 0.0, process))
        due.sort(key=lambda one: one[0])
        return tuple(process for _, process in due[:_AT_ONCE])

    def frame(self, look: Look, basis: Basis) -> Frame:
        """Make the frame that shows *look*."""
        apps = [one for one in look.snapshot.processes if (one.packages or one.owner) and one.id]
        self._keep(look, apps)
        swap_state = read_swap_state(look.files)
        swap = _swap_of(look.files, swap_state)
        judged = self._headroom(look, basis)
        self._past = [
            one for one in (*self._past, self._moment(look, swap)) if look.at_s - one.at_s <= PAST_S
        ]
        self._samples = _window([*self._samples, look.sample], look.at_s)
        head = Head(
            device=look.device,
            source=self._source,
            root=self._root,
            total_bytes=look.sample.meminfo.total_bytes if look.sample.meminfo else None,
            swap=swap,
            past=tuple(self._past),
            headroom=judged,
            guard=self._guard(look.guards),
            kills=dict(self._counts),
        )
        boot_s = look.sample.boot_s or 0.0
        known = {
            one: _known(track, boot_s, self.guards_actions.get(one))
            for one, track in self._tracks.items()
        }
        rows = rows_of(
            look.snapshot, apps, known, swap_state, pss_bytes=self.pss_bytes, actions=self.actions
        )
        dead = rows_of_deaths(self._deaths_now(look.at_s))
        return Frame(
            at=basis.at(look.sample.boot_s),
            at_s=look.at_s,
            trip_s=look.trip_s,
            head=head,
            rows=(*rows, *dead),
            left_out=len(look.snapshot.processes) - len(apps),
        )

    # What is remembered

    def _keep(self, look: Look, apps: Sequence[Process]) -> None:
        """Take over what *look* says of each process, and note those that are gone."""
        now = {one.id: one for one in apps if one.id is not None and not one.zombie}
        for gone in self._last.keys() - now.keys():
            self._bury(self._last[gone], look.at_s)
        first = not self._last
        for process_id, process in now.items():
            track = self._tracks.get(process_id)
            if track is None:
                track = self._tracks[process_id] = _Track(away_at_least=first)
            _follow(track, process, look.sample.boot_s or 0.0)
        self._tracks = {one: self._tracks[one] for one in now}
        self._last = now
        for advice in look.estimates:
            if (track := self._tracks.get(advice.id)) is not None:
                track.estimate = advice
                track.estimated = look.at_s, now[advice.id].memory
        if look.estimates:
            took_s = sum(advice.duration_s for advice in look.estimates)
            self._next_estimate_s = look.at_s + took_s * _ESTIMATE_SHARE

    def _bury(self, process: Process, at_s: float) -> None:
        assert process.id is not None
        death = Death(
            process.id, process.name, process.packages, process.user, process.oom_score_adj,
            process.band, process.memory.rss_bytes, at_s,
        )  # fmt: skip
        self._deaths.append(death)

    def _deaths_now(self, now_s: float) -> list[Death]:
        """The deaths of the last minute, each with who killed, once that is known."""
        by_pid = {record.pid: record for record in self._kills}
        self._deaths = [
            replace(one, record=one.record or by_pid.get(one.id.pid))
            for one in self._deaths
            if now_s - one.at_s <= DEAD_S
        ]
        return self._deaths

    def _guard(self, pids: Sequence[int]) -> GuardState | None:
        """The guard that runs, with its profile once this guard has been asked for it."""
        if not pids:
            return None
        if self.guard is None or self.guard.pid not in pids:
            return GuardState(pids[0])
        return self.guard

    # The whole device

    def _headroom(self, look: Look, basis: Basis) -> Headroom:
        return headroom(
            look.sample,
            self._samples,
            basis.properties,
            look.device.page_bytes or _PAGE_BYTES,
            basis.killer,
            basis.levels,
        )

    def _moment(self, look: Look, swap: Swap) -> Moment:
        before = self._samples[-1] if self._samples else None
        meminfo = look.sample.meminfo
        page_bytes = look.device.page_bytes or _PAGE_BYTES
        came, went = (_rate(look.sample, before, name) for name in ("pswpin", "pswpout"))
        refaults = [_rate(look.sample, before, name) for name in _REFAULTS]
        return Moment(
            at_s=look.at_s,
            available_bytes=meminfo.available_bytes if meminfo else None,
            swap_used_bytes=swap.used_bytes,
            some_share=_stalled(look.sample, before, "some"),
            full_share=_stalled(look.sample, before, "full"),
            refaults_per_s=_total(refaults),
            in_bytes_per_s=None if came is None else came * page_bytes,
            out_bytes_per_s=None if went is None else went * page_bytes,
        )


# The third is the only counter until Linux 5.8, and counts files alone.
_REFAULTS = ("workingset_refault_anon", "workingset_refault_file", "workingset_refault")


def _window(samples: list[Sample], now_s: float) -> list[Sample]:
    """The samples that the next one is compared with: the last second's, and one before."""
    while len(samples) > 1 and now_s - samples[1].at_s >= WINDOW_S:
        samples = samples[1:]
    return samples


def _rate(now: Sample, before: Sample | None, counter: str) -> float | None:
    """How much a counter of vmstat grew a second; None where it is not there."""
    if before is None or now.vmstat is None or before.vmstat is None or now.at_s <= before.at_s:
        return None
    last, first = now.vmstat.total(counter), before.vmstat.total(counter)
    return None if last is None or first is None else (last - first) / (now.at_s - before.at_s)


def _stalled(now: Sample, before: Sample | None, kind: str) -> float | None:
    """The share of the time since *before* that tasks waited for memory."""
    if before is None or now.pressure is None or before.pressure is None:
        return None
    last, first = getattr(now.pressure, kind), getattr(before.pressure, kind)
    if last is None or first is None or now.at_s <= before.at_s:
        return None
    share: float = (last.total_us - first.total_us) / 1e6 / (now.at_s - before.at_s)
    return max(0.0, min(1.0, share))


def _total(parts: Iterable[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _swap_of(files: Mapping[str, str | None], state: SwapState) -> Swap:
    stats = [
        parse_zram_mm_stat(text) for path, text in files.items()
        if path.endswith("/mm_stat") and text
    ]  # fmt: skip
    flash = [
        parse_zram_bd_stat(text) for path, text in files.items()
        if path.endswith("/bd_stat") and text
    ]  # fmt: skip
    return Swap(
        total_bytes=state.total_bytes,
        used_bytes=state.total_bytes - state.free_bytes,
        zram_bytes=sum(one.used_bytes for one in stats) if stats else None,
        ratio=state.ratio,
        flash_bytes=sum(one.held_bytes for one in flash) if flash else None,
    )


def _follow(track: _Track, process: Process, boot_s: float) -> None:
    """Bring *track* up to date with what its process is now."""
    away = process.adj_in_front is not None and process.adj_in_front >= AWAY_ADJ
    if not away:
        track.away_since, track.away_at_least = None, False
    elif track.away_since is None:
        track.away_since = boot_s
    swap = process.memory.swap_bytes or 0
    if swap - track.swap_bytes >= _NEW_PAGE_OUT_BYTES:
        track.peak_swap_bytes = swap
        track.estimate = None  # the memory has moved
    track.swap_bytes, track.peak_swap_bytes = swap, max(track.peak_swap_bytes, swap)


def _known(track: _Track, boot_s: float, guards: Action | None) -> Known:
    away_s = None if track.away_since is None else max(0.0, boot_s - track.away_since)
    return Known(
        away_s=away_s,
        away_at_least=track.away_at_least,
        back_bytes=track.peak_swap_bytes - track.swap_bytes,
        estimate=track.estimate,
        guards=guards,
    )
