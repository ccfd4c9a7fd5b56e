"""What a device tells: processes, kills, and how near the next one is."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.inspect import apps
from droidreclaim.policy import bands_of, parse_targets
from droidreclaim.session.programs import Programs
from droidreclaim.units import seconds_of

if TYPE_CHECKING:
    from droidreclaim.inspect.headroom import Basis, LiveBasis
    from droidreclaim.inspect.kills import FollowedKill, Kills
    from droidreclaim.model import Process
    from droidreclaim.policy.limits import AppLimits
    from droidreclaim.policy.lmkd import Headroom

_log = logging.getLogger("droidreclaim")


class Watching(Programs):
    """What `Phone` says of a device without changing it; each method loads its own readers."""

    # Who runs there

    def ps(
        self,
        *packages: str,
        band: str | Iterable[str] = (),
        user: int | None = None,
        sort: str = "adj",
        states: bool = False,
    ) -> tuple[Process, ...]:
        """
        Processes with oom_score_adj, band, RSS and swap, system processes too.

        Without root the helper runs as the adb shell, and what that may not read is None.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     [game] = phone.ps("com.example.game")
            >>> game.memory.rss_bytes > 0, game.user
            (True, 0)

        Args:
            packages: Only processes that run code of one of these.
            band: Only of this band (``cached``), or of one of several.
            user: Only of this Android user.
            sort: ``adj``, ``rss``, ``swap``, ``name`` or ``pid``.
            states: Also ActivityManager's state and reason: one dumpsys more. It is asked anyway
                where a frozen app's oom_score_adj says less than cached.

        Raises:
            UsageError: no package name, band or order.
            NotAchieved: a package has no process, or is not there.
        """
        names, pids = parse_targets(packages)
        if pids:
            raise UsageError("ps takes package names", hint="pid:N is for reclaim")
        bands = bands_of(band)
        seen = self.snapshot(states=states)
        if not states and any(process.cached_anyway for process in seen.processes):
            seen = self.snapshot(states=True)  # adj and the app's state disagree: show both
        return apps.listed(seen, packages=names, bands=bands, user=user, sort=sort)

    # Kills and how near they are

    def kills(self, since: float | str | None = None) -> Kills:
        """
        Who was killed, when, at what adj, by whom and why, as far as the device remembers.

            >>> import droidreclaim as dr
            >>> with dr.connect(root=False) as phone:
            ...     kills = phone.kills(since="10m")
            >>> sum(kills.counts.values()) == len(kills.records)
            True

        Args:
            since: Only the last seconds, ``10m`` or ``2h``.
        """
        from droidreclaim.inspect import kills

        since_s = None if since is None else seconds_of(since)
        return kills.of_device(
            self._device, self.way_if_any(), since_s=since_s, timeout_s=self._timeout_s
        )

    def watch_kills(self) -> Iterator[FollowedKill]:
        """Kills as they happen, each about three seconds later; never ends by itself."""
        from droidreclaim.inspect import kills

        return kills.follow(self._device, self.way_if_any(), timeout_s=self._timeout_s)

    def headroom(self) -> Headroom:
        """
        How far the device is from lmkd's next kill, and which rule would fire; takes one second.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     phone.headroom().low_watermark_bytes > 0
            True
        """
        return next(self.watch_headroom(1.0))  # lmkd, too, judges over one second

    def watch_headroom(self, every_s: float = 0.1) -> Iterator[Headroom]:
        """As `headroom`, again and again, each over the last second; never ends by itself."""
        from droidreclaim.inspect import headroom

        page_bytes = None
        try:
            self._info, take = headroom.with_helper(self.reader)
            page_bytes = self._info.page_bytes
        except NotPossible as error:
            _log.info("%s; what the shell may not read is unknown", error)
            take = headroom.without_helper(self._device, None, timeout_s=self._timeout_s)
        self._basis = self._live_basis()
        return headroom.watch(take, self._basis, page_bytes, every_s=every_s)

    def limits(self, package: str) -> AppLimits:
        """
        How far an app's processes are from limits of their own (cgroup v2; Android 17's limiter).

        Raises:
            UsageError: no package name.
            NotAchieved: it has no process, or is not there.
        """
        from droidreclaim.inspect import limits

        return limits.of_processes(
            self._device, self.way_if_any(), self.ps(package), timeout_s=self._timeout_s
        )

    @property
    def headroom_basis(self) -> Basis:
        """Who kills there, by which settings; some seconds old while headroom is watched."""
        if self._basis is None:
            self._basis = self._live_basis()
        return self._basis.now()

    def _live_basis(self) -> LiveBasis:
        from droidreclaim.inspect import headroom

        way = self._started[0] if self._started else None
        ask = partial(headroom.basis_of, self._device, way, timeout_s=self._timeout_s)
        return headroom.LiveBasis(ask)
