"""Watch a device in threads of its own; they wait for a lost device, and then go on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceError, DroidReclaimError
from droidreclaim.helper.guard_wire import AppLine
from droidreclaim.inspect.headroom import LiveBasis, basis_of
from droidreclaim.inspect.kills import follow
from droidreclaim.inspect.states import owners
from droidreclaim.model import ProcessId
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.session import Phone
from droidreclaim.snapshot import Member, Snapshot
from droidreclaim.top.frame import Action, Frame, GuardState
from droidreclaim.top.history import History
from droidreclaim.top.look import Look, Looker
from droidreclaim.top.side import Side

_log = logging.getLogger("droidreclaim")
_AGAIN_S = 1.0  # between two tries to reach a device that is lost
_GUARD_EVERY_S = 10.0
_OWNERS_EVERY_S = 10.0  # a dumpsys, where uid and parent do not tell whose a process is
# Each is a script on the device, and costs as much as some ticks. Who kills changes seldom; in the
# kernel's log, only the kills of its own OOM killer are in no other log.
_BASIS_EVERY_S = 30.0
_KERNEL_EVERY_S = 10.0
_ONCE_S = 1.0  # lmkd judges over a second, and so do rates


@dataclass(frozen=True)
class Picture:
    """
    What there is to show now.

    Attributes:
        frame: The last one; None before the first.
        lost: Why there is no newer one; None while the device answers.
        ended: What ended the watching for good.
    """

    frame: Frame | None = None
    lost: str | None = None
    ended: DroidReclaimError | None = None

    def age_s(self, now_s: float) -> float | None:
        """How old the frame is; None without one."""
        return None if self.frame is None else max(0.0, now_s - self.frame.at_s)


def once(phone: Phone) -> Frame:
    """
    One frame, over one second, with an estimate of each row.

    Raises:
        NotPossible: the device runs no program of ours.
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    looker, history = _begin(phone)
    first = looker.take()
    basis = phone.headroom_basis
    history.frame(first, basis)
    if _is_owner_wanted(first.snapshot):
        looker.members = owners(phone.device, timeout_s=phone.timeout_s)
    if first.guards:
        history.guard = _guard_of(phone.guard().status().guard.profile, first.guards[0], None, None)
    time.sleep(max(0.0, first.at_s + _ONCE_S - time.monotonic()))
    return history.frame(looker.take(history.due(None, time.monotonic())), basis)


def _begin(phone: Phone) -> tuple[Looker, History]:
    helper = phone.reader
    way = _way_of(phone)
    root = way.value if way else None
    return Looker(helper, rooted=phone.rooted), History(source=phone.source, root=root)


def _way_of(phone: Phone) -> RootWay | None:
    """The way by which its helper is root; None where the helper runs as the shell."""
    return phone.way if phone.rooted else None


def _is_owner_wanted(snapshot: Snapshot) -> bool:
    """Whether apps lack a package: isolated ones, or all where only root reads packages.list."""
    return bool(snapshot.unproven) or not snapshot.packages


class Live:
    """
    Looks at a device every *every_s* seconds until `stop`; a context manager.

    A view never waits for the threads that look and listen: it shows the last picture, and says how
    old that is.

    Attributes:
        visible_keys: Of the rows on the screen: only their page-outs are estimated; None for all.
        side: Asks the device what a tick does not tell.
    """

    def __init__(self, phone: Phone, reach: Callable[[], Phone], *, every_s: float = 1.0) -> None:
        """
        Args:
            reach: Gives the device anew after it was lost; raises DeviceError until it is back.
        """
        self.visible_keys: Iterable[str] | None = None
        self.side = Side(lambda: self._phone)
        self._phone, self._reach, self._every_s = phone, reach, every_s
        self._history: History | None = None
        self._members: Mapping[int, Member] = {}
        self._notes: queue.SimpleQueue[Callable[[History], None]] = queue.SimpleQueue()
        self._picture = Picture()
        self._changed = threading.Condition()
        self._count = 0
        self._stopped = threading.Event()
        self._owners_read_s = self._guard_read_s = float("-inf")

    def __enter__(self) -> Live:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to look and to listen for kills."""
        for name, work in (("look", self._watch), ("kills", self._follow_kills)):
            threading.Thread(target=work, name=f"top-{name}", daemon=True).start()

    def stop(self) -> None:
        """End the sessions, and with them the threads that wait for their answers."""
        self._stopped.set()
        self.side.close()
        self._phone.close()

    @property
    def picture(self) -> Picture:
        """What there is to show now; never waits."""
        return self._picture

    def pictures(self) -> Iterator[Picture]:
        """
        Yield each picture as it comes, and the last one again each second while the device is lost.

        Ends with a picture that has ended.
        """
        count = -1
        while self._picture.ended is None or count < self._count:
            with self._changed:
                if self._count == count:
                    self._changed.wait(_AGAIN_S)
                is_new, count, picture = self._count != count, self._count, self._picture
            if is_new or picture.lost is not None:
                yield picture

    def note(self, note: Callable[[History], None]) -> None:
        """Have *note* called with the history before the next tick."""
        self._notes.put(note)

    def note_action(self, key: str, action: Action) -> None:
        """Show *action* on a row from the next tick on."""
        self.note(lambda history: history.actions.update({key: action}))

    # The thread that looks

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                self._take_ticks()
            except DeviceError as error:
                self._show(replace(self._picture, lost=str(error)))
                self._reach_again()
            except DroidReclaimError as error:
                self._show(replace(self._picture, ended=error))
                return

    def _take_ticks(self) -> None:
        """Take tick after tick, until `stop` or until the device is lost."""
        phone = self._phone
        looker, history = _begin(phone)
        if self._history is None:
            self._history = history
        history = self._history
        basis = LiveBasis(
            partial(basis_of, phone.device, _way_of(phone), timeout_s=phone.timeout_s),
            every_s=_BASIS_EVERY_S,
        )
        while not self._stopped.is_set():
            began_s = time.monotonic()
            looker.members = self._members
            look = looker.take(history.due(self.visible_keys, began_s))
            while not self._notes.empty():
                self._notes.get()(history)
            self._show(Picture(history.frame(look, basis.now())))
            self._enqueue_reads(look)
            self._stopped.wait(max(0.0, began_s + self._every_s - time.monotonic()))

    def _show(self, picture: Picture) -> None:
        with self._changed:
            self._picture = picture
            self._count += 1
            self._changed.notify_all()

    def _reach_again(self) -> None:
        """Wait until the device is back."""
        self._phone.close()
        while not self._stopped.wait(_AGAIN_S):
            try:
                phone = self._reach()
            except DeviceError as error:
                if str(error) != self._picture.lost:
                    self._show(replace(self._picture, lost=str(error)))
            else:
                self._phone = phone
                return

    # What a tick does not tell

    def _enqueue_reads(self, look: Look) -> None:
        if _is_owner_wanted(look.snapshot) and look.at_s - self._owners_read_s >= _OWNERS_EVERY_S:
            self._owners_read_s = look.at_s
            self.side.enqueue(self._read_owners)
        if look.guards and look.at_s - self._guard_read_s >= _GUARD_EVERY_S:
            self._guard_read_s = look.at_s
            self.side.enqueue(self.read_guard)
        elif not look.guards:
            self._guard_read_s = float("-inf")

    def _read_owners(self, side: Side) -> None:
        phone = side.phone
        self._members = owners(phone.device, timeout_s=phone.timeout_s)

    def read_guard(self, side: Side) -> None:
        """Read what the guard does; a job for `side`."""
        status = side.guard.status()
        line, now_s = status.guard, time.monotonic()
        guard = _guard_of(line.profile, line.pid, line.actions, line.left_s)

        def note(history: History) -> None:
            history.guard = guard
            history.guards_actions = guards_actions(status.apps, now_s)

        self.note(note)

    # The thread that listens for kills

    def _follow_kills(self) -> None:
        while not self._stopped.is_set():
            with suppress(DroidReclaimError):
                phone = self._phone
                way = phone.way_if_any()
                for kill in follow(
                    phone.device, way, timeout_s=phone.timeout_s, kernel_every_s=_KERNEL_EVERY_S
                ):
                    self.note(_adding(kill.record))
                    if self._stopped.is_set():
                        return
            self._stopped.wait(_AGAIN_S)


def _guard_of(
    profile: str | None, pid: int | None, actions: int | None, left_s: int | None
) -> GuardState | None:
    return None if pid is None else GuardState(pid, profile, actions, left_s)


def guards_actions(apps: Iterable[AppLine], now_s: float) -> dict[ProcessId, Action]:
    """What the guard did last to each process, by the host's clock."""
    return {
        ProcessId(one.pid, one.start): Action(
            one.last_action, now_s - one.last_action_s, "reclaimed", by_guard=True
        )
        for one in apps
        if one.last_action is not None and one.last_action_s is not None
    }


def _adding(record: KillRecord) -> Callable[[History], None]:
    return lambda history: history.add_kill(record)
