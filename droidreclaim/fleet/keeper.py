"""The process behind `fleet up`: the scheduler, and a link to each host, until it is ended."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec

from droidreclaim import __version__
from droidreclaim.errors import DeviceError
from droidreclaim.fleet import channel
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.form import HostForm
from droidreclaim.fleet.host import HostOrder, WorkerOrder
from droidreclaim.fleet.over_dask import require
from droidreclaim.fleet.play import PROGRAM, end_with_parent

_UP_WITHIN_S = 90.0
_LOOK_S = 0.2
_END_S = 45.0
_LOCAL = "tcp://127.0.0.1"
# The link is lost when nothing came for half a minute.
_SSH = (
    *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
    *("-o", "ExitOnForwardFailure=yes", "-o", "ControlPath=none"),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
)
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # a lost worker's job is ours to give away
    "distributed.scheduler.no-workers-timeout": "10s",
    "distributed.scheduler.worker-ttl": "60s",
}


@dataclass(frozen=True)
class Link:
    """One host: the process that holds its workers, here or behind ssh."""

    host: HostForm
    argv: list[str]
    order: HostOrder

    @property
    def names(self) -> set[str]:
        """The workers it has to bring."""
        return {one.name for one in self.order.workers}


@dataclass
class _Ports:
    """Ports of 127.0.0.1 that were free when they were asked for, each given once."""

    given: set[int] = field(default_factory=set)

    def next(self) -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in self.given:
                self.given.add(port)
                return port


def links(
    hosts: Sequence[HostForm], devices: Sequence[FleetDevice], scheduler_port: int
) -> list[Link]:
    """A link to each host that has a device."""
    ports, found = _Ports(), []
    for host in hosts:
        own = [one for one in devices if one.host == host.name]
        if own:
            make = _over_ssh if host.ssh else _here
            found.append(make(host, own, scheduler_port, ports))
    return found


def _here(host: HostForm, own: list[FleetDevice], port: int, ports: _Ports) -> Link:
    workers = []
    for one in own:
        address = f"{_LOCAL}:{ports.next()}"
        workers.append(WorkerOrder(one.name, address, address, resources_of(one)))
    order = HostOrder(__version__, f"{_LOCAL}:{port}", workers)
    return Link(host, [*PROGRAM, "fleet", "host"], order)


def _over_ssh(host: HostForm, own: list[FleetDevice], port: int, ports: _Ports) -> Link:
    """Behind ssh: the scheduler is forwarded there, and each worker's port here."""
    assert host.ssh is not None
    there = ports.next()
    forwards = ["-R", f"127.0.0.1:{there}:127.0.0.1:{port}"]
    workers = []
    for one in own:
        listens, reached = ports.next(), ports.next()
        forwards += ["-L", f"127.0.0.1:{reached}:127.0.0.1:{listens}"]
        workers.append(
            WorkerOrder(one.name, f"{_LOCAL}:{listens}", f"{_LOCAL}:{reached}", resources_of(one))
        )
    words = [host.droidreclaim or "droidreclaim", "fleet", "host"]
    order = HostOrder(__version__, f"{_LOCAL}:{there}", workers)
    return Link(host, [*_SSH, *forwards, host.ssh, "--", shlex.join(words)], order)


def resources_of(one: FleetDevice) -> list[str]:
    """What Dask knows of a device: one of ``device``, and one of each label."""
    labels = (f"{name}:{value}" for name, value in sorted(one.labels.items()))
    return ["device", *(re.sub(r"[^\w.:/-]", "_", label) for label in labels)]


async def keep(
    hosts: Sequence[HostForm], devices: Sequence[FleetDevice], ended: asyncio.Event,
    ready: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    """
    Run the scheduler and the links until *ended*; calls *ready* once the workers are there.

    Raises:
        NotPossible: Dask is not installed.
        DeviceError: not one worker came.
    """
    distributed = require()
    import dask  # noqa: PLC0415 (comes with distributed)

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # four for each worker

    async with AsyncExitStack() as stack:
        stack.enter_context(dask.config.set(_CONFIG))
        scheduler = await stack.enter_async_context(
            distributed.Scheduler(
                host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0"
            )
        )
        wanted = links(hosts, devices, int(scheduler.address.rpartition(":")[2]))
        children = [(link, await _begin(link)) for link in wanted]
        stack.callback(asyncio.create_task(_beat([child for _, child in children])).cancel)
        try:
            missing = await _all_there(scheduler, children, ended)
            there = {str(one.name) for one in scheduler.workers.values()}
            if not there and not ended.is_set():
                raise DeviceError(f"no worker came: {'; '.join(missing) or 'nobody was asked'}")
            ready({"address": scheduler.address, "workers": sorted(there), "missing": missing})
            await ended.wait()
        finally:
            await asyncio.gather(*(_close(child) for _, child in children))


async def _begin(link: Link) -> asyncio.subprocess.Process:
    child = await asyncio.create_subprocess_exec(
        *link.argv,
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno(),
        process_group=0,
        preexec_fn=end_with_parent,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(msgspec.to_builtins(link.order)).encode() + b"\n")
    return child


async def _beat(children: Sequence[asyncio.subprocess.Process]) -> None:
    """Let each host know that somebody is behind its link."""
    while True:
        await asyncio.sleep(channel.BEAT_S)
        for child in children:
            assert child.stdin is not None
            if not child.stdin.is_closing():
                child.stdin.write(channel.BEAT)


async def _all_there(
    scheduler: Any, children: Sequence[tuple[Link, asyncio.subprocess.Process]],
    ended: asyncio.Event,
) -> list[str]:  # fmt: skip
    """Wait for every worker; returns a line for each host that did not bring all of its own."""
    clock = asyncio.get_running_loop()
    end_s = clock.time() + _UP_WITHIN_S + sum(len(link.names) for link, _ in children)
    while True:
        there = {str(one.name) for one in scheduler.workers.values()}
        lacking = [(link, child) for link, child in children if link.names - there]
        waited_for = [child for _, child in lacking if child.returncode is None]
        if not waited_for or ended.is_set() or clock.time() > end_s:
            return [
                f"{link.host.name}: {', '.join(sorted(link.names - there))} did not come"
                + (f", exited {child.returncode}" if child.returncode is not None else "")
                for link, child in lacking
            ]
        await asyncio.sleep(_LOOK_S)


async def _close(child: asyncio.subprocess.Process) -> None:
    """End a link by the end of its stdin: there the workers end, and then it."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), _END_S)
    except TimeoutError:
        child.kill()
        await child.wait()
