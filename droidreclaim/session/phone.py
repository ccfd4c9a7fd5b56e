"""One connected device: what the command line does to it, as methods."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

from droidreclaim import reclaim as engine
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceError, Interrupted, NotPossible, NotRoot, UsageError
from droidreclaim.helper import remove
from droidreclaim.helper.connect import POCKET_PHONE, RunningHelper, connect_as_shell
from droidreclaim.helper.guard_wire import Explanation
from droidreclaim.inspect import apps
from droidreclaim.inspect import headroom as headroom_of
from droidreclaim.inspect import kills as kills_of
from droidreclaim.inspect import limits as limits_of
from droidreclaim.model import DeviceInfo, Process, ReclaimResult, SwapDevice
from droidreclaim.model.footprint import Footprint
from droidreclaim.model.profile import Profile
from droidreclaim.policy import parse_targets
from droidreclaim.policy.limits import AppLimits
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.reclaim import Request, request_of, swap, unrooted
from droidreclaim.reclaim.words import bands_of
from droidreclaim.session import changes
from droidreclaim.session import footprint as footprint_of
from droidreclaim.session.app import App
from droidreclaim.session.app import run as run_command
from droidreclaim.session.guard import Guard
from droidreclaim.session.root import Search, start_rooted
from droidreclaim.snapshot import Member, Snapshot
from droidreclaim.units import seconds_of, size_of

_log = logging.getLogger("droidreclaim")


class Phone:
    """
    One device, from `connect`; a context manager that ends the helper there.

    Sizes are bytes or text like ``"256MiB"``, times seconds or text like ``"10s"``. What is worth
    telling meanwhile goes to the logger ``droidreclaim``; a question that somebody must answer on
    the phone is a warning. One thread at a time may use it.

    Every method that waits for the device raises `DeviceError` when the device is lost or silent,
    and `ParseError` when its answer cannot be read.
    """

    def __init__(self, device: AdbDevice, search: Search, *, timeout_s: float) -> None:
        self._device = device
        self._search = search
        self.watch = False  # see droidreclaim.helper.connect.connect
        self._timeout_s = timeout_s
        self._started: tuple[RootWay, RunningHelper] | None = None
        self._others: list[RunningHelper] = []
        self._shell: RunningHelper | None = None
        self._basis: headroom_of.LiveBasis | None = None
        self._info: DeviceInfo | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Phone {self.serial}>"

    def close(self) -> None:
        """End our sessions with the device; the next method that needs one starts it again."""
        programs = [self._started[1]] if self._started else []
        programs += [self._shell] if self._shell else []
        for program in (*programs, *self._others):
            program.session.close()
        self._started, self._shell, self._others = None, None, []

    # Which device

    @property
    def serial(self) -> str:
        """Serial as adb prints it."""
        return self._device.serial

    @property
    def source(self) -> str:
        """Where its numbers come from: ``phone`` (the pocket phone) or ``device``."""
        if self._started is not None:
            return self._started[1].source
        return "phone" if self.model == POCKET_PHONE else "device"

    @property
    def model(self) -> str | None:
        """Model in adb's words, known before anything is asked; None when adb does not say."""
        return self._device.model.replace("_", " ") if self._device.model else None

    @property
    def info(self) -> DeviceInfo:
        """What names the device: serial, model, SDK, ABI, kernel, page size (None without root)."""
        if self._info is None:
            running = self._started[1] if self._started else self._shell
            if running is not None:
                self._info = apps.device_info(running)
            else:
                self._info = unrooted.device_info(self._device, timeout_s=self._timeout_s)
        return self._info

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
            seen = self.snapshot(states=True)  # adj and what the app is disagree: show both
        return apps.listed(seen, packages=names, bands=bands, user=user, sort=sort)

    def app(self, package: str) -> App:
        """
        One app, running or not; nothing is asked of the device yet.

        Raises:
            UsageError: *package* is no package name.
        """
        return App(self, package)

    def home(self) -> None:
        """Press Home: the app in front goes to the background."""
        run_command(self._device, ["input", "keyevent", "HOME"])

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
            only: Kinds of memory, ``dalvik``, ``native``, ``stack``, ``code``, instead of *what*.
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
            NotAchieved: nothing was done to anybody; ``error.result`` has each one's reason. A
                target that exited meanwhile is no error: its outcome is ``gone``.
            Interrupted: Ctrl-C; ``error.partial`` is what was done until then.
            DeviceError: the device was lost; in the middle ``error.partial`` is as for Interrupted.
        """
        return self.run(
            request_of(
                *targets, band=band, adj=adj, what=what, how=how, backend=backend, only=only,
                range=range, budget=budget, max_rate=max_rate, dry_run=dry_run, refault=refault,
                force=force, allow_flash=allow_flash,
            )
        )  # fmt: skip

    def run(self, request: Request) -> ReclaimResult:
        """Do what `reclaim.request_of` made, perhaps before there was a device; as `reclaim`."""
        if request.needs_root:
            helper = self._helper_to_reclaim()
            done = engine.run(helper, request, progress=_log.info, ask=self._owners)
        else:
            done = engine.run_unrooted(
                self._device,
                request,
                engine.TRIM if request.how == "trim" else engine.COMPACT,
                timeout_s=self._timeout_s,
                progress=_log.info,
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
        """The helper; a refusal for want of root names what needs none."""
        try:
            return self.helper
        except NotRoot as error:
            without = "without root: --backend am_compact (Android 12L and later), --how trim"
            hint = f"{error.hint}; {without}" if error.hint else without
            raise NotRoot(error.message, hint=hint) from error

    # Kills and how near they are

    def kills(self, since: float | str | None = None) -> kills_of.Kills:
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
        since_s = None if since is None else seconds_of(since)
        return kills_of.of_device(
            self._device, self.way_if_any(), since_s=since_s, timeout_s=self._timeout_s
        )

    def watch_kills(self) -> Iterator[kills_of.FollowedKill]:
        """Kills as they happen, each about three seconds later; never ends by itself."""
        return kills_of.follow(self._device, self.way_if_any(), timeout_s=self._timeout_s)

    def headroom(self) -> Headroom:
        """
        How far the device is from lmkd's next kill, and which rule would fire; takes one second.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     phone.headroom().low_watermark_bytes > 0
            True
        """
        return next(self.watch_headroom(headroom_of.WINDOW_S))

    def watch_headroom(self, every_s: float = headroom_of.FOLLOW_S) -> Iterator[Headroom]:
        """As `headroom`, again and again, each over the last second; never ends by itself."""
        page_bytes = None
        try:
            self._info, take = headroom_of.with_helper(self.reader)
            page_bytes = self._info.page_bytes
        except NotPossible as error:
            _log.info("%s; what the shell may not read is unknown", error)
            take = headroom_of.without_helper(self._device, None, timeout_s=self._timeout_s)
        self._basis = self._live_basis()
        return headroom_of.watch(take, self._basis, page_bytes, every_s=every_s)

    def limits(self, package: str) -> AppLimits:
        """
        How far an app's processes are from limits of their own (cgroup v2; Android 17's limiter).

        Raises:
            UsageError: no package name.
            NotAchieved: it has no process, or is not there.
        """
        return limits_of.of_processes(
            self._device, self.way_if_any(), self.ps(package), timeout_s=self._timeout_s
        )

    @property
    def headroom_basis(self) -> headroom_of.Basis:
        """Who kills there, by which settings: as of a few seconds ago while headroom is watched."""
        if self._basis is None:
            self._basis = self._live_basis()
        return self._basis.now()

    def _live_basis(self) -> headroom_of.LiveBasis:
        way = self._started[0] if self._started else None
        ask = partial(headroom_of.basis_of, self._device, way, timeout_s=self._timeout_s)
        return headroom_of.LiveBasis(ask)

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

        Needs no root. Sampling ends after *lasting*, or at a Ctrl-C. An estimate from this use of
        the apps: Play judges 28 days of all users'.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     seen = phone.footprint("com.example.game", lasting="2s")
            >>> seen.failing
            ()

        Args:
            packages: All processes of each, in every user; waits for one that does not run yet.
            lasting: Seconds, or ``10m``; None for until Ctrl-C.
            hz: Samples a second: peaks between two are missed.
            game: By the thresholds of games.
            trim: At the end ask what is not in front to give memory back, and say what it gave.

        Raises:
            UsageError: no package name, or more samples than are possible.
            NotAchieved: a package is not installed, or no process of it was seen.
            NotPossible: the device runs no program of the shell's, or thresholds are not known.
        """
        return footprint_of.measure(self, packages, lasting=lasting, hz=hz, game=game, trim=trim)

    # What changes the device

    def swap_on(self, size: int | str | None = None) -> SwapDevice:
        """
        Make an unused zram swap, of half the memory or *size*, until `swap_off` or a reboot.

        Raises:
            UsageError: *size* is less than 16 MiB.
            NotPossible: it has swap already, or no unused zram.
        """
        size_bytes = None if size is None else swap.enough(size_of(size))
        self._info, made = swap.on(self.helper, size_bytes)
        return made

    def swap_off(self) -> tuple[SwapDevice, ...]:
        """
        Undo `swap_on`: everything that was swapped comes back into memory.

        Raises:
            NotPossible: there is no swap of ours, or what is in it does not fit into memory.
        """
        self._info, undone = swap.off(self.helper)
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
            UsageError: no such profile, or not 1 s to 168 h.
            ProfileError: it has faults; the message has a line for each.
        """
        return Guard(self, profile, lasting=lasting, allow_flash=allow_flash)

    def explain(self, profile: str | Profile | None = None) -> Explanation:
        """
        What a guard with *profile* would do now, by the guard's own word. Nothing is touched.

            >>> import droidreclaim as dr
            >>> with dr.connect() as phone:
            ...     plan = phone.explain("gentle")
            >>> [app.turn for app in plan.turns] == list(range(1, len(plan.turns) + 1))
            True

        Args:
            profile: As for `guard`.

        Raises:
            UsageError: no such profile.
            ProfileError: it has faults; the message has a line for each.
        """
        return self.guard(profile).explain()

    def uninstall(self) -> remove.Removal:
        """
        Remove everything of ours from the device; without root what adb itself may remove.

        Returns what went and what is left.
        """
        self.close()
        changes.restore(self._device)
        way = None
        try:
            way = self._search.find()
        except NotPossible as error:
            unseen = "what root may have put in /data/local cannot be seen or removed without root"
            _log.warning("%s: %s", error, unseen)
        return remove.remove(self._device, way, timeout_s=self._timeout_s)

    # For the rooms above this one; no part of the public API

    @property
    def device(self) -> AdbDevice:
        """The device behind, for commands of its shell."""
        return self._device

    @property
    def timeout_s(self) -> float:
        """Deadline in seconds of each step."""
        return self._timeout_s

    @property
    def helper(self) -> RunningHelper:
        """The helper, started when it is not; raises NotPossible without root."""
        return self.start()[1]

    @property
    def reader(self) -> RunningHelper:
        """
        The helper as root, or where there is no root as the adb shell, for what only reads.

        Raises:
            NotPossible: the device runs no program of the shell's either; the hint says why.
        """
        try:
            return self.helper
        except NotRoot as error:
            if self._shell is not None:
                return self._shell
            try:
                self._shell = connect_as_shell(self._device, timeout_s=self._timeout_s)
            except NotPossible as refused:
                hint = f"nor as the shell: {refused}".replace(f"{self.serial}: ", "")
                raise NotPossible(error.message, hint=hint) from refused
            _log.info("%s; the helper runs as the adb shell", error.message)
            return self._shell

    @property
    def way(self) -> RootWay:
        """The way to root; raises NotPossible where there is none."""
        if self._started is not None:
            return self._started[0]
        return self._search.recall_or_find()

    def way_if_any(self) -> RootWay | None:
        """The way to root, or None."""
        try:
            return self.way
        except NotPossible:
            return None

    @property
    def rooted(self) -> bool:
        """Whether the helper runs as root."""
        return self._started is not None

    @property
    def helper_runs(self) -> bool:
        """Whether the helper was started and not closed, as root or as the shell."""
        return self._started is not None or self._shell is not None

    def start(self) -> tuple[RootWay, RunningHelper]:
        """Become root and start the helper, unless it runs; raises as `connect`."""
        if self._started is None:
            self._started = self._start("helper")
            if self._started[1].journal_left:
                changes.restore(self._device)
        return self._started

    def start_program(self, kind: str) -> RunningHelper:
        """A session with another program than the helper (``guard``), which ends with ours."""
        self._others.append(self._start(kind)[1])
        return self._others[-1]

    def start_reader(self) -> RunningHelper:
        """
        Another helper that only reads, as root or else as the shell; whoever asks closes it.

        Raises:
            NotPossible: the device runs no program of ours.
        """
        if self.way_if_any() is not None:
            return self._start("helper")[1]
        return connect_as_shell(self._device, timeout_s=self._timeout_s)

    def snapshot(self, *, states: bool = False) -> Snapshot:
        """All processes, attributed to packages; without helper, what ActivityManager tells."""
        try:
            helper = self.reader
        except NotPossible as error:
            seen = apps.processes_without_root(self._device, timeout_s=self._timeout_s)
            _log.info("%s; root would add memory, native and system processes", error)
            return seen
        if states or helper is self._shell:  # packages.list is root's: the dump names packages
            self._info, seen = apps.processes_with_states(
                helper, self._device, timeout_s=self._timeout_s
            )
        else:
            self._info, seen = apps.processes(helper, self._owners)
        return seen

    def _owners(self) -> dict[int, Member]:
        return apps.owners(self._device, timeout_s=self._timeout_s)

    def _start(self, kind: str) -> tuple[RootWay, RunningHelper]:
        return start_rooted(self._search, timeout_s=self._timeout_s, kind=kind, watch=self.watch)
