"""What ``fleet run`` does: choose the devices, play the jobs, gather, judge."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from droidreclaim.cli import connect
from droidreclaim.cli.options import Connection
from droidreclaim.cli.output import emit, say, show, write_folded
from droidreclaim.errors import (
    DeviceError,
    DroidReclaimError,
    NoDevice,
    NotAchieved,
    UsageError,
)
from droidreclaim.escape import safe
from droidreclaim.fleet import gather, hands, phones, state, table
from droidreclaim.fleet.devices import FleetDevice, chosen, parse_where
from droidreclaim.fleet.engine import Engine, Hands
from droidreclaim.fleet.form import FleetForm, HostForm
from droidreclaim.fleet.jobs import plan
from droidreclaim.fleet.look import HostSeen, look
from droidreclaim.fleet.record import Asked, FleetFolder

if TYPE_CHECKING:
    from droidreclaim.device.server import Server

_MOST_SEEDS = 10_000
_SEEDS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
# What a job is told by the fleet: a device, a folder; and what only one run can have.
_FLEETS_OWN = ("-s", "-d", "-e", "-H", "-P", "-o", "--out", "--all-devices", "--resume")
_NOT_OF_MANY = ("--force", "--json", "--junit", "--check", "--schema")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The fleet, the file that says what it is, and which of its devices are meant."""

    fleet: FleetForm
    file: Path | None
    connection: Connection
    where: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """What every job is told of the connection, besides its device."""
        one = self.connection
        timeout = ("--timeout", str(one.timeout_s)) if one.timeout_s else ()
        return (*timeout, *(("--adb-root",) if one.adb_root else ()))

    def server_of(self, host: HostForm) -> Server:
        """The adb server of this host."""
        port = host.adb_port or self.connection.port
        return connect.server(replace(self.connection, port=port))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be played, and where it is written down."""

    words: tuple[str, ...]
    seeds: tuple[int, ...]
    out: Path | None
    resume: bool


def seen(which: Chosen) -> tuple[HostSeen, ...]:
    """Every host with the devices that are meant."""
    if which.connection.usb or which.connection.emulator:
        raise UsageError("-d and -e choose one device", hint="-s SERIAL, or --where LABEL=VALUE")
    wanted = parse_where(which.where)
    found = look(which.fleet, which.server_of, timeout_s=connect.timeout_s(which.connection))
    serials = which.connection.serials
    return tuple(
        replace(
            host,
            devices=tuple(
                one for one in chosen(host.devices, wanted) if not serials or one.serial in serials
            ),
        )
        for host in found
    )


def unreachable(found: tuple[HostSeen, ...]) -> DeviceError | None:
    """What stands in the way of the whole fleet: a host that cannot be asked, or no device."""
    lost = [one for one in found if one.error]
    if lost:
        more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
        return DeviceError(f"{lost[0].error}{more}")
    if not any(one.devices for one in found):
        return NoDevice(
            "no device in the fleet", hint="'droidreclaim devices' says what is attached here"
        )
    return None


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """
    Read ``1,2,5-20``.

    Raises:
        UsageError: it has another form, or means too many.
    """
    seeds: list[int] = []
    for word in text.split(",") if text is not None else ():
        found = _SEEDS.fullmatch(word)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not low <= high or high - low >= _MOST_SEEDS:
            raise UsageError(f"--seeds {text}: whole numbers, as 1,2,3 or 1-20")
        seeds += range(low, high + 1)
    if len(seeds) > _MOST_SEEDS:
        raise UsageError(f"--seeds {text}: more than {_MOST_SEEDS}")
    return tuple(dict.fromkeys(seeds))


def run(which: Chosen, wanted: Wanted, *, as_json: bool) -> None:
    """
    Play and gather.

    Raises:
        UsageError, ProfileError: before any device is touched.
        DroidReclaimError: what the run came to, where that is not what was asked for.
    """
    with _with_phones(which) as found:
        _run(found, wanted, as_json=as_json)


@contextmanager
def _with_phones(which: Chosen) -> Iterator[Chosen]:
    """The fleet with its pocket phones: those of one that is up, else booted for this run."""
    up = state.read(which.file)
    if up is not None or any(host.ssh for host in which.fleet.hosts):
        yield replace(which, fleet=phones.with_phones(which.fleet, up.phones if up else {}))
        return
    connection = which.connection
    with phones.booted(which.fleet, lambda line: say(line, connection), connection.port) as found:
        yield replace(which, fleet=phones.with_phones(which.fleet, found.serials))


def _run(which: Chosen, wanted: Wanted, *, as_json: bool) -> None:
    if wanted.resume:
        if wanted.out is None:
            raise UsageError("--resume goes on with the run in --out DIR: name it")
        if wanted.words or wanted.seeds:
            raise UsageError("--resume plays what --out has: leave SCENARIO and --seeds out")
        folder, asked, attempts = FleetFolder.load(wanted.out.absolute())
        _require_same_scenario(asked, wanted.out)
        devices, _ = ready(which)
        reach = _hands(which, asked)
    else:
        words, scenario = _job_words(wanted.words, seeds=bool(wanted.seeds))
        devices, left_out = ready(which)
        jobs = plan(words, devices, wanted.seeds)
        asked = Asked(words, wanted.seeds, devices, jobs, scenario, left_out)
        reach = _hands(which, asked)
        at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = FleetFolder.new((wanted.out or Path(f"fleet-{at}")).absolute(), asked)
        attempts = []
    engine = Engine(folder, asked.jobs, devices, reach, _telling(which, folder), attempts)
    _play(engine, asked, as_json=as_json)


def _telling(which: Chosen, folder: FleetFolder) -> Callable[[str], None]:
    def tell(line: str) -> None:
        folder.log(safe(line))
        say(line, which.connection)

    return tell


def _play(engine: Engine, asked: Asked, *, as_json: bool) -> None:
    engine.tell(f"{len(engine.queue.waiting)} jobs for {len(engine.devices)} devices")
    ended_by = engine.run()
    known = {one.name: one for one in (*asked.devices, *engine.devices)}
    asked = replace(asked, devices=tuple(known.values()))
    folder = engine.folder
    found = gather.gather(folder.path, asked, engine.attempts, engine.queue.undone)
    gather.write(folder, found)
    error = ended_by or _judged(engine.exit_code, found)
    if as_json:
        emit(gather.to_json(found), error)
    else:
        show(table.result_table(found))
        write_folded(f"{safe(found.sentence)}\neverything is in {folder.path}\n")
    if error is not None:
        raise error


def _hands(which: Chosen, asked: Asked) -> Hands:
    """Dask's workers where the fleet is up; else subprocesses of this one."""
    up = state.read(which.file)
    if up is not None and up.address:
        return hands.of_workers(which.fleet, up.address, asked.words, which.options)
    return hands.here(which.fleet, which.server_of, which.options)


def ready(which: Chosen) -> tuple[tuple[FleetDevice, ...], tuple[str, ...]]:
    """
    The devices that are ready, and who is left out, why; says the latter.

    Raises:
        DeviceError: none is.
    """
    found = seen(which)
    devices = [one for host in found for one in host.devices]
    able = tuple(one for one in devices if one.ready)
    lines = [host.error for host in found if host.error]
    lines += [f"{one.name}: {one.reason}" for one in devices if not one.ready]
    if not able and len(lines) <= 1:
        raise unreachable(found) or NoDevice(f"no device of the fleet is ready: {lines[0]}")
    for line in lines:
        say(f"left out: {line}", which.connection)
    if not able:
        raise NoDevice(
            "no device of the fleet is ready", hint="'droidreclaim fleet status' says why"
        )
    return able, tuple(lines)


def _job_words(words: tuple[str, ...], *, seeds: bool) -> tuple[tuple[str, ...], str | None]:
    """
    The command line of a job, and what tells its scenario from another.

    Raises:
        UsageError: they name no run and no storm, or hold what the fleet itself says.
        ProfileError: the scenario has faults.
    """
    if not words:
        raise UsageError("which SCENARIO?", hint="fleet run scenarios/game.yaml")
    own = [word for word in words if word.partition("=")[0] in (*_FLEETS_OWN, *_NOT_OF_MANY)]
    if own or (seeds and "--seed" in words):
        raise UsageError(f"{own[0] if own else '--seed'} is for the fleet to say, of each job")
    if words[0] == "storm":
        if "--packages" not in words:
            raise UsageError(
                "storm on a fleet's devices wants --packages A,B",
                hint="without it a storm boots phones of its own",
            )
        return words, None
    path = Path(words[1] if words[0] == "run" and len(words) > 1 else words[0])
    options = words[2:] if words[0] == "run" and len(words) > 1 else words[1:]
    from droidreclaim.qa import scenario, setup

    setup.require_files(scenario.load(path), path.parent)
    return ("run", str(path.absolute()), *options), _digest(path)


def _require_same_scenario(asked: Asked, out: Path) -> None:
    if asked.scenario is None:
        return
    path = Path(asked.words[1])
    try:
        same = _digest(path) == asked.scenario
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    if not same:
        raise UsageError(f"--resume: {path} is not as the run in {out} began with it")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Of(DroidReclaimError):
    """What the jobs came to, with the exit code that speaks for all."""

    def __init__(self, message: str, code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = code


def _judged(code: int, found: gather.Gathered) -> DroidReclaimError | None:
    if code == 0:
        return None
    failures = found.failures
    more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
    message = f"{failures[0]}{more}" if failures else found.sentence
    if code == NotAchieved.exit_code:
        return NotAchieved(message)
    return _Of(message, code, "--resume plays what is left" if not found.complete else None)
