"""One connected device: what the command line does to it, as methods."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from droidreclaim.errors import DeviceError, Interrupted, NotPossible, NotRoot
from droidreclaim.model import ReclaimResult, SwapDevice
from droidreclaim.session.watching import Watching
from droidreclaim.units import size_of

if TYPE_CHECKING:
    from droidreclaim.helper.connect import RunningHelper
    from droidreclaim.helper.guard_wire import Explanation
    from droidreclaim.helper.remove import Removal
    from droidreclaim.model.footprint import Footprint
    from droidreclaim.model.profile import Profile
    from droidreclaim.reclaim import Request
    from droidreclaim.session.app import App
    from droidreclaim.session.footprint import FootprintWatch
    from droidreclaim.session.guard import Guard
    from droidreclaim.session.pressure import Pressure

_log = logging.getLogger("droidreclaim")
_progress = logging.getLogger("droidreclaim.progress")  # of one page-out, which may be one of many


class Phone(Watching):
    """
    One device, from `connect`; a context manager that ends the helper there.

    Sizes are bytes or text like ``"256MiB"``, times seconds or text like ``"10s"``. What is worth
    telling meanwhile goes to the logger ``droidreclaim``; a question that somebody must answer on
    the phone is a warning. One thread at a time may use it.

    Every method that waits for the device raises `DeviceError` when the device is lost or silent,
    and `ParseError` when its answer cannot be read.
    """

    # Apps

    def app(self, package: str) -> App:
        """
        One app, running or not; nothing is asked of the device yet.

        Raises:
            UsageError: *package* is no package name.
        """
        from droidreclaim.session.app import App

        return App(self, package)

    def home(self) -> None:
        """Press Home: the app in front goes to the background."""
        from droidreclaim.session.app import run

        run(self._device, ["input", "keyevent", "HOME"])

    # Page-outs

    def reclaim(  # noqa: PLR0913 (one argument for each option of the command line)
        self,
        *targets: str,
        band: str | Iterable[str] = (),
        adj: str | tuple[int, int] | None = None,
        what: str | None = None,
        how: str = "pageout",
        backend: str | None = None,
        only: str | Iterable[str] = (),
        keep: str | None = None,
        range: str | tuple[int, int] | None = None,
        budget: int | str | None = None,
        max_rate: int | str | None = None,
        dry_run: bool = False,
        refault: str | Iterable[float | str] = (),
        force: bool = False,
        allow_flash: bool = False,
    ) -> ReclaimResult:
        """
        Page out packages, processes or a selection, and say what that really did.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     result = phone.reclaim(band="cached", budget="8MiB", dry_run=True)
            >>> {str(target.outcome) for target in result.targets} <= {"estimated", "nothing"}
            True

        Args:
            targets: Package names and ``pid:N``.
            band, adj: Only processes of these bands, of ``700..999`` or ``(700, 999)``.
            what: ``anon`` (where None), ``file`` or ``all``; file pages come back as code runs.
            how: ``pageout``; ``cold`` moves them in line, ``trim`` asks the app itself,
                ``prefetch`` brings back what is in swap.
            backend: ``process_madvise``, ``proc_reclaim``, ``memcg``, ``am_compact`` (no root
                needed, Android decides); None for the best.
            only: Kinds of memory, ``dalvik``, ``native``, ``stack``, ``code``, instead of *what*;
                of a prefetch also ``hot``, what resumes need.
            keep: ``hot``: leave in memory what resumes need, as far as page-outs of this session
                that kept it, or of a guard with ``keep: hot``, and what came back after them have
                shown; where nothing is known nothing is kept: ``advice.resumes`` is 0.
            range: Of one process: ``7f12340000+8MiB``, or start and end.
            budget: Stop after so many bytes.
            max_rate: Bytes a second at most.
            dry_run: Select and count, touch nothing.
            refault: When to measure what came back: ``1s,10s`` or ``(1, 10)``.
            force: Also foreground, perceptible and persistent apps.
            allow_flash: Also where swap wears the storage.

        Raises:
            UsageError: arguments that cannot be read, or contradict each other.
            NotPossible: no backend, no swap for anonymous memory, or swap that wears the storage.
            NotAchieved: nothing was done to any target; ``error.result`` has each one's reason. A
                target that exited meanwhile is no error: its outcome is ``gone``.
            Interrupted: Ctrl-C; ``error.partial`` is what was done until then.
            DeviceError: the device was lost; in the middle ``error.partial`` is as for Interrupted.
        """
        from droidreclaim.reclaim import request_of

        return self.run(
            request_of(
                *targets, band=band, adj=adj, what=what, how=how, backend=backend, only=only,
                keep=keep,
                range=range, budget=budget, max_rate=max_rate, dry_run=dry_run, refault=refault,
                force=force, allow_flash=allow_flash,
            )
        )  # fmt: skip

    def run(self, request: Request) -> ReclaimResult:
        """Do a request that `reclaim.request_of` made; returns and raises as `reclaim`."""
        from droidreclaim import reclaim as engine

        if request.needs_root:
            helper = self._helper_to_reclaim()
            done = engine.run(helper, request, progress=_progress.info, ask=self._owners)
        else:
            done = engine.run_unrooted(
                self._device,
                request,
                engine.TRIM if request.how == "trim" else engine.COMPACT,
                timeout_s=self._timeout_s,
                progress=_progress.info,
            )
        self._info = self._info or done.device
        if isinstance(done.ended_by, KeyboardInterrupt):
            raise Interrupted(done.result) from done.ended_by
        if isinstance(done.ended_by, DeviceError):
            done.ended_by.partial = done.result
        if done.ended_by is not None:
            raise done.ended_by
        if not done.result.achieved and not done.result.all_gone:
            raise engine.explain_nothing(done.result)
        return done.result

    def _helper_to_reclaim(self) -> RunningHelper:
        """The helper; without root, the error names the page-outs that need none."""
        try:
            return self.helper
        except NotRoot as error:
            without = "without root: --backend am_compact (Android 12L and later), --how trim"
            hint = f"{error.hint}; {without}" if error.hint else without
            raise NotRoot(error.message, hint=hint) from error

    def footprint(
        self,
        *packages: str,
        lasting: float | str | None = None,
        hz: float = 10.0,
        game: bool = False,
        trim: bool = False,
    ) -> Footprint:
        """
        Sample the memory that Google Play judges (RssAnon + VmSwap) while apps are used.

        Needs no root. Sampling ends after *lasting*, or at a Ctrl-C. The result is an estimate from
        this use of the apps: Play judges 28 days of all users.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     seen = phone.footprint("com.example.game", lasting="2s")
            >>> seen.failing
            ()

        Args:
            packages: All processes of each, in every user; waits for one that does not run yet.
            lasting: Seconds, or ``10m``; None for until Ctrl-C.
            hz: Samples a second: peaks between two are missed.
            game: Judge by the thresholds of games.
            trim: At the end ask processes that are not in front to give memory back, and say what
                they gave.

        Raises:
            UsageError: no package name, or more samples than are possible.
            NotAchieved: a package is not installed, or no process of it was seen.
            NotPossible: the device runs no program of the shell's, or thresholds are not known.
        """
        from droidreclaim.session.footprint import measure

        return measure(self, packages, lasting=lasting, hz=hz, game=game, trim=trim)

    def footprint_during(
        self, *packages: str, hz: float = 10.0, game: bool = False
    ) -> FootprintWatch:
        """
        As `footprint`, while a block runs that uses the apps; ``seen`` is there afterwards.

            >>> import time
            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     with phone.footprint_during("com.example.game") as watch:
            ...         launch = phone.app("com.example.game").open()
            ...         time.sleep(3)  # an app that starts is found within a second or two
            >>> watch.seen.failing
            ()

        Raises:
            UsageError: as `footprint`; the block raises the rest as it begins, or at its end.
        """
        from droidreclaim.session.footprint import FootprintWatch

        return FootprintWatch(self, packages, hz, game=game)

    # What changes the device

    def swap_on(self, size: int | str | None = None) -> SwapDevice:
        """
        Make an unused zram swap, of half the memory or *size*, until `swap_off` or a reboot.

        Raises:
            UsageError: *size* is less than 16 MiB.
            NotPossible: the device has swap already, or no unused zram.
        """
        from droidreclaim.reclaim import swap

        size_bytes = None if size is None else swap.require_enough(size_of(size))
        self._info, made = swap.enable(self.helper, size_bytes)
        return made

    def swap_off(self) -> tuple[SwapDevice, ...]:
        """
        Undo `swap_on`: everything that was swapped comes back into memory.

        Raises:
            NotPossible: there is no swap of ours, or what is in it does not fit into memory.
        """
        from droidreclaim.reclaim import swap

        self._info, undone = swap.disable(self.helper)
        return undone

    def guard(
        self,
        profile: str | Profile | None = None,
        lasting: float | str | None = None,
        *,
        allow_flash: bool = False,
    ) -> Guard:
        """
        The guard of this device; as a context manager it runs until the end of the block.

        Args:
            profile: A file, or a built-in one: ``keep-games`` (where None), ``gentle``,
                ``favourites``.
            lasting: How long it runs at most: ``90m``; None for the profile's time, else 8 h.
            allow_flash: Also where swap wears the storage.

        Raises:
            UsageError: no such profile, or *lasting* is not 1 s to 168 h.
            ProfileError: the profile has faults; the message has a line for each.
        """
        from droidreclaim.session.guard import Guard

        return Guard(self, profile, lasting=lasting, allow_flash=allow_flash)

    def pressure(
        self,
        until: str = "kill",
        *,
        lasting: float | str | None = None,
        compressible: str = "3:1",
        seed: int = 1,
        adj: int = 0,
        cap: int | str | None = None,
        yes: bool = False,
    ) -> Pressure:
        """
        Make memory really short for the length of a ``with`` block.

        A process of ours on the device takes memory step by step, with a look before each; it can
        be killed as any other, and ends with the block, the cable or this process.

        Args:
            until: ``kill`` (an app's process ended), ``headroom<=0``, ``available<=200MiB`` or
                ``taken>=1GiB``. It also stops at the first kill.
            lasting: How long at most, from the beginning on: 60 s where None, up to 10 min.
            compressible: How far zram can compress what is taken.
            seed: Seed of its content.
            adj: oom_score_adj of the process that holds it, 0 to 100.
            cap: Take no more than this.
            yes: Also on a device that is neither an emulator nor the pocket phone.

        Raises:
            UsageError: arguments that cannot be read.
        """
        from droidreclaim.session.pressure import Pressure

        return Pressure(
            self, until, lasting=lasting, compressible=compressible, seed=seed, adj=adj, cap=cap,
            yes=yes,
        )  # fmt: skip

    def explain(self, profile: str | Profile | None = None) -> Explanation:
        """
        What a guard with *profile* would do now, as the guard itself says. Nothing is touched.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     plan = phone.explain("gentle")
            >>> [app.turn for app in plan.turns] == list(range(1, len(plan.turns) + 1))
            True

        Args:
            profile: As for `guard`.

        Raises:
            UsageError: no such profile.
            ProfileError: the profile has faults; the message has a line for each.
        """
        return self.guard(profile).explain()

    def uninstall(self) -> Removal:
        """
        Remove everything of ours from the device; without root what adb itself may remove.

        Returns what went and what is left.
        """
        from droidreclaim.helper import remove
        from droidreclaim.session import changes

        self.close()
        changes.restore(self._device)
        way = None
        try:
            way = self._search.find()
        except NotPossible as error:
            unseen = "what root may have put in /data/local cannot be seen or removed without root"
            _log.warning("%s: %s", error, unseen)
        return remove.remove(self._device, way, timeout_s=self._timeout_s)
