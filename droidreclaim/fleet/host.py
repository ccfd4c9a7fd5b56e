"""At one host: a Dask worker for each device, for as long as stdin beats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import msgspec

from droidreclaim import __version__
from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.fleet import channel, orphans
from droidreclaim.fleet.play import end_with_parent
from droidreclaim.records import read_json

_MOST_BYTES = 1 << 20
_END_S = 15.0
_JOBS_END_S = 15.0  # to undo what they did, once their worker has ended
_JOIN_S = 60


class WorkerOrder(msgspec.Struct):
    """
    One worker.

    Attributes:
        name: Host and serial of its device.
        listen: Where it listens here; *contact*: where the scheduler reaches it.
        resources: Words that each stand for one of it: ``device``, ``sdk:34``.
    """

    name: str
    listen: str
    contact: str
    resources: list[str]


class HostOrder(msgspec.Struct):
    """What a host is told on its stdin, in one line."""

    droidreclaim: str
    scheduler: str
    workers: list[WorkerOrder]


def serve(stdin: BinaryIO, require: Callable[[], object]) -> None:
    """
    Run the workers that the first line asks for, until stdin ends or is silent, or all have ended.

    Raises:
        NotPossible: the line is no order.
        UsageError: the tool at the other end is of another version.
    """
    line = stdin.readline(_MOST_BYTES)
    try:
        order = msgspec.convert(read_json(line, dict), HostOrder)
    except ValueError as error:
        raise NotPossible("this is run by 'droidreclaim fleet up', not by hand") from error
    if order.droidreclaim != __version__:
        raise UsageError(
            f"droidreclaim {__version__} is here, {order.droidreclaim} at the other end"
        )
    require()
    orphans.adopt()
    with tempfile.TemporaryDirectory(prefix="droidreclaim-workers-") as folder:
        workers = [_start(order.scheduler, one, folder) for one in order.workers]
        try:
            channel.hold(stdin, lambda: any(one.poll() is None for one in workers))
        finally:
            _end(workers)
            orphans.end(_JOBS_END_S)


def _start(scheduler: str, one: WorkerOrder, folder: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "distributed.cli.dask_worker", scheduler),
            *("--name", one.name, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--listen-address", one.listen, "--contact-address", one.contact),
            *("--dashboard-address", "127.0.0.1:0"),  # its page is off, its server is not
            *("--resources", ",".join(f"{name}=1" for name in one.resources)),
            *("--death-timeout", str(_JOIN_S), "--local-directory", folder),
            *("--memory-limit", "0"),  # it holds one folder at a time
        ],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        process_group=0,
        env=os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"},
        preexec_fn=end_with_parent,  # noqa: PLW1509 (two system calls)
    )


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for one in workers:
            if one.poll() is None:
                with suppress(ProcessLookupError):
                    os.kill(one.pid, number)
        end_s = time.monotonic() + _END_S
        while any(one.poll() is None for one in workers) and time.monotonic() < end_s:
            time.sleep(0.05)
