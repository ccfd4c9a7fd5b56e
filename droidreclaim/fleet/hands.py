"""How an engine reaches the devices of a fleet: subprocesses of this host, or Dask's workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from droidreclaim.device.server import Server
from droidreclaim.errors import UsageError
from droidreclaim.fleet import over_dask
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.engine import Hands
from droidreclaim.fleet.form import FleetForm, HostForm
from droidreclaim.fleet.jobs import Job
from droidreclaim.fleet.play import PROGRAM, Ended, Running, Task, look, play
from droidreclaim.qa import scenario


def here(
    fleet: FleetForm, server_of: Callable[[HostForm], Server], options: tuple[str, ...]
) -> Hands:
    """
    Subprocesses of this host.

    Raises:
        UsageError: the fleet has other hosts, and is not up.
    """
    others = [host.name for host in fleet.hosts if host.ssh]
    if others:
        raise UsageError(
            f"the fleet has {', '.join(others[:3])} besides this host, and is not up",
            hint="run 'droidreclaim fleet up', or --here for this host alone",
        )
    running = Running()
    hosts = {host.name: host for host in fleet.hosts}
    servers = {name: server_of(host) for name, host in hosts.items()}

    def play_here(device: FleetDevice, job: Job, path: Path, tell: Callable[[str], None]) -> Ended:
        own = hosts[device.host].droidreclaim
        program = (own,) if own else PROGRAM
        task = Task(device.serial, job.words, path, servers[device.host], program, options)
        return play(task, tell, running)

    def look_here(device: FleetDevice) -> None:
        look(servers[device.host], device.serial)

    return Hands(play_here, look_here, running.end)


def of_workers(
    fleet: FleetForm, address: str, words: Sequence[str], options: tuple[str, ...]
) -> Hands:
    """
    The workers behind the scheduler at *address*, which are sent what *words* read.

    Raises:
        NotPossible, DeviceError: as `over_dask.connect`.
        UsageError: a scenario's setup reads a file that is gone, or does not lie beside it.
    """
    hosts = {host.name: host for host in fleet.hosts}
    workers = over_dask.connect(address, hosts, _files(words), options)

    def play_there(device: FleetDevice, job: Job, path: Path, tell: Callable[[str], None]) -> Ended:
        return workers.play(device, replace(job, words=_there(job.words)), path, tell)

    return Hands(play_there, workers.look, workers.end)


def _there(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a job with its scenario where the worker puts it."""
    if words[0] != "run":
        return words
    return (words[0], f"{{folder}}/{Path(words[1]).name}", *words[2:])


def _files(words: Sequence[str]) -> dict[str, bytes]:
    """What a run reads beside its words: the scenario, and the files that its setup names."""
    if words[0] != "run":
        return {}
    path = Path(words[1])
    wanted = [one.install.apk for one in scenario.load(path).setup if one.install is not None]
    for name in wanted:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise UsageError(
                f"setup: install {name}: other hosts are sent what lies beside the scenario"
            )
    try:
        return {name: (path.parent / name).read_bytes() for name in (path.name, *wanted)}
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror or error}") from error
