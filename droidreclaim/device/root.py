"""Becoming root on a device: which way works there, tried once and remembered."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from platformdirs import user_state_path

from droidreclaim.device import CommandResult, Device
from droidreclaim.device.link import Deadline
from droidreclaim.errors import DeviceTimeout, NotPossible, NotRoot
from droidreclaim.records import read_record

PROBE_TIMEOUT_S = 10.0
FIRST_SU_TIMEOUT_S = 75.0  # Magisk waits 70 s for an answer to its question, then denies
ASK_AFTER_S = 1.0  # a su that has not answered by then is asking somebody
ADB_ROOT_TIMEOUT_S = 30.0  # the device is gone for 1 to 5 s

# What the helper cannot do without (linux/capability.h): write its own directory, and
# process_madvise on others, which wants both of the rest.
_NEEDED_CAPABILITIES = {"DAC_OVERRIDE": 1, "SYS_PTRACE": 19, "SYS_NICE": 23}

_PROBE = 'cat /proc/self/status; echo "su: $(command -v su)"'
_UID = re.compile(r"^Uid:\s+\d+\s+(\d+)\s", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s+([0-9a-f]{16})\s*$", re.MULTILINE)
_SU = re.compile(r"^su: (.*?)\s*$", re.MULTILINE)

# Words of a su that says no; any other failure may be a form that it does not know.
_DENIAL = re.compile(r"denied|reject|not allowed|not permitted|unauthorized", re.IGNORECASE)


class RootWay(Enum):
    """One way to run a command as root, in the order in which they are tried."""

    ADBD = "adbd"
    SU_C = "su -c"
    SU_0 = "su 0"
    SU_ROOT_C = "su root -c"

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """The words that run *argv* as root; those of ``-c`` go through one more shell, quoted."""
        if self is RootWay.ADBD:
            return list(argv)
        if self is RootWay.SU_0:
            return ["su", "0", *argv]  # AOSP's su knows no -c and executes the words themselves
        return [*self.value.split(), shlex.join(argv)]


_SU_WAYS = (RootWay.SU_C, RootWay.SU_0, RootWay.SU_ROOT_C)

_Records = dict[str, dict[str, str | None]]


_ROOTED_IMAGE = "make the AVD of a google_apis or default image"


class RootMemory:
    """
    Which way worked on which device, in a file of the user's.

    A record counts only while the model is the same: ``emulator-5554`` is another device tomorrow.
    That it still works is seen by using it; whoever fails with it calls `forget` and asks again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changing = threading.Lock()

    def recall(self, device: Device) -> RootWay | None:
        """The way that worked last time, or None."""
        record = self._load().get(device.serial)
        if record is None or record.get("model") != device.model:
            return None
        try:
            return RootWay(record.get("way"))
        except ValueError:
            return None

    def keep(self, device: Device, way: RootWay) -> None:
        """Remember *way*; a file that cannot be written costs the next command a few probes."""
        with self._changing, self._alone():
            records = self._load()
            record = {"way": way.value, "model": device.model}
            if records.get(device.serial) != record:
                self._save(records | {device.serial: record})

    def forget(self, device: Device) -> None:
        """Forget the remembered way, which has failed."""
        with self._changing, self._alone():
            records = self._load()
            if records.pop(device.serial, None) is not None:
                self._save(records)

    def _load(self) -> _Records:
        try:
            return read_record(self._path, _Records)
        except (OSError, ValueError):
            return {}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the file: a command on many devices has a process for each of them."""
        with ExitStack() as held:
            with suppress(ImportError, OSError):
                import fcntl  # noqa: PLC0415 (not on Windows, where such a command is not)

                self._path.parent.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(self._path.with_suffix(".lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _save(self, records: _Records) -> None:
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(records, indent=1), "utf-8")
            temporary.replace(self._path)
        except OSError:
            return


def default_memory() -> RootMemory:
    """The memory in the user's state directory, or in $DROIDRECLAIM_STATE_DIR."""
    chosen = os.environ.get("DROIDRECLAIM_STATE_DIR")
    directory = Path(chosen) if chosen else user_state_path("droidreclaim", appauthor=False)
    return RootMemory(directory / "root.json")


def find_root(
    device: Device,
    memory: RootMemory,
    *,
    notify: Callable[[str], None],
    restart_adbd: Callable[[float], None] | None = None,
    deadline: Deadline | None = None,
) -> RootWay:
    """
    Try every way, cheapest first, and remember the one that works.

    A `su` that says no, or does not answer, is not asked again in another form: each is another
    question on the phone.

    Args:
        notify: Told what somebody must do on the phone, while the call waits for it.
        restart_adbd: ``adb root``, where the user has allowed it; takes a timeout in seconds.
        deadline: Bounds all of it; a `su` may be waited for 75 s without one.

    Raises:
        NotRoot: no way works; the message names each with its reason.
        DeviceLost, DeviceTimeout: the device does not answer at all.
    """
    reasons: list[str] = []
    deadline = deadline or Deadline(math.inf)
    found = _try_adbd(device, reasons, deadline) or _try_su(
        device, memory, notify, reasons, deadline
    )
    if found is None and restart_adbd is not None:
        found = _try_adb_root(device, restart_adbd, reasons, deadline)
    if found is None:
        memory.forget(device)
        raise NotRoot(
            f"{device.serial}: no root: {'; '.join(reasons)}",
            hint=_what_next(device.serial, reasons, tried_adb_root=restart_adbd is not None),
        )
    memory.keep(device, found)
    return found


def _what_next(serial: str, reasons: Sequence[str], *, tried_adb_root: bool) -> str:
    if not serial.startswith("emulator-"):
        more = "use a userdebug build" if tried_adb_root else "try --adb-root on a userdebug build"
        return f"root the phone (Magisk, KernelSU), or {more}"
    if any("production builds" in one for one in reasons):
        return f"an image with Google Play is never root: {_ROOTED_IMAGE}"
    return _ROOTED_IMAGE if tried_adb_root else f"{_ROOTED_IMAGE}, and try --adb-root"


@dataclass(frozen=True, slots=True)
class _Identity:
    uid: int
    capabilities: int
    su_path: str

    def shortcoming(self) -> str | None:
        """Why this is not root; None when it is."""
        if self.uid != 0:
            return f"uid {self.uid}"
        missing = [
            name for name, bit in _NEEDED_CAPABILITIES.items() if not self.capabilities >> bit & 1
        ]
        return f"uid 0 without CAP_{', CAP_'.join(missing)}" if missing else None


def _try_adbd(device: Device, reasons: list[str], deadline: Deadline) -> RootWay | None:
    result = _probe(device, RootWay.ADBD, min(PROBE_TIMEOUT_S, deadline.left_s()))
    identity = _read_identity(result)
    shortcoming = result.complaint if identity is None else identity.shortcoming()
    if shortcoming is None:
        return RootWay.ADBD
    reasons.append(f"adbd: {shortcoming}")
    if identity is not None and not identity.su_path:
        reasons.append("su: not found")
    return None


def _try_su(
    device: Device,
    memory: RootMemory,
    notify: Callable[[str], None],
    reasons: list[str],
    deadline: Deadline,
) -> RootWay | None:
    if "su: not found" in reasons:
        return None
    first = memory.recall(device) is None
    timeout_s = min(FIRST_SU_TIMEOUT_S if first else PROBE_TIMEOUT_S, deadline.left_s())
    with _asking(device.serial, timeout_s, notify) if first else nullcontext():
        for way in _SU_WAYS:
            timeout_s = min(timeout_s, deadline.left_s())
            try:
                result = _probe(device, way, timeout_s)
            except DeviceTimeout:
                reasons.append(f"{way.value}: no answer within {timeout_s:.3g} s")
                return None
            identity = _read_identity(result)
            shortcoming = result.complaint if identity is None else identity.shortcoming()
            if shortcoming is None:
                return way
            reasons.append(f"{way.value}: {shortcoming}")
            if _DENIAL.search(shortcoming):
                return None
            timeout_s = PROBE_TIMEOUT_S
    return None


@contextmanager
def _asking(serial: str, timeout_s: float, notify: Callable[[str], None]) -> Iterator[None]:
    """Say that the phone may be asking its owner, when a first `su` does not answer at once."""
    words = (
        f"{serial}: su takes its time: confirm on the phone that shell may use it "
        f"(waiting for up to {timeout_s:.3g} s; --timeout S for less)"
    )
    question = threading.Timer(ASK_AFTER_S, notify, [words])
    question.daemon = True
    question.start()
    try:
        yield
    finally:
        question.cancel()


def _try_adb_root(
    device: Device,
    restart_adbd: Callable[[float], None],
    reasons: list[str],
    deadline: Deadline,
) -> RootWay | None:
    try:
        restart_adbd(min(ADB_ROOT_TIMEOUT_S, deadline.left_s()))
    except NotPossible as error:
        reasons.append(str(error).removeprefix(f"{device.serial}: "))
        return None
    return _try_adbd(device, reasons, deadline)


def _probe(device: Device, way: RootWay, timeout_s: float) -> CommandResult:
    return device.run(way.wrap(["sh", "-c", _PROBE]), timeout_s=timeout_s)


def _read_identity(result: CommandResult) -> _Identity | None:
    """Who the probe ran as; whatever banner a su prints around it is passed over."""
    uid, capabilities = _UID.search(result.text), _CAPABILITIES.search(result.text)
    if uid is None or capabilities is None:
        return None
    su = _SU.search(result.text)
    return _Identity(int(uid[1]), int(capabilities[1], 16), su[1] if su else "")
