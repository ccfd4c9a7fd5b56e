"""The engine's hands where a fleet is up: a Dask worker for each device, named by host/serial."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from droidreclaim.errors import DeviceError, NotPossible
from droidreclaim.fleet import at_worker
from droidreclaim.fleet.at_worker import Order
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.form import HostForm
from droidreclaim.fleet.jobs import Job
from droidreclaim.fleet.play import Ended

_CONNECT_S = 10.0
_LOOK_S = 30.0


@dataclass
class Workers:
    """
    The workers of a fleet that is up.

    Attributes:
        hosts: By name, as the fleet's file has them.
        files: What the jobs read, by its path; sent with each.
        options: Of every command of the tool, for each job.
    """

    client: Any
    hosts: Mapping[str, HostForm]
    files: Mapping[str, bytes]
    options: tuple[str, ...] = ()
    _tells: dict[str, Callable[[str], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client.subscribe_topic(at_worker.TOPIC, self._heard)

    @property
    def names(self) -> set[str]:
        """Devices whose worker is there now."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return {str(one["name"]) for one in workers.values()}

    def play(self, device: FleetDevice, job: Job, path: Path, tell: Callable[[str], None]) -> Ended:
        """Have the device's own worker play a job; its folder is unpacked at *path*."""
        began_s = time.monotonic()
        host = self.hosts[device.host]
        order = Order(
            device.serial,
            job.words,
            dict(self.files),
            host.adb_port,
            host.droidreclaim,
            self.options,
        )
        self._tells[device.name] = tell
        try:
            if device.name not in self.names:
                raise DeviceError(f"its worker is gone, and with it perhaps {device.host}")
            ended: Ended
            ended, packed = self._ask(device, at_worker.play_order, order).result()
            at_worker.unpack(packed, path.parent, path.name)
        except DeviceError as error:
            return Ended(3, str(error), time.monotonic() - began_s, blameless=True)
        except Exception as error:
            said = f"its worker was lost: {_words(error)}"
            return Ended(3, said, time.monotonic() - began_s, blameless=True)
        finally:
            self._tells.pop(device.name, None)
        return ended

    def look(self, device: FleetDevice) -> None:
        """Raise `DeviceError` where the device, or its worker, is not ready."""
        if device.name not in self.names:
            raise DeviceError(f"{device.name}: its worker is gone")
        try:
            why = self._ask(
                device, at_worker.look_at, device.serial, self.hosts[device.host].adb_port
            ).result(timeout=_LOOK_S)
        except Exception as error:
            raise DeviceError(f"{device.name}: its worker was lost: {_words(error)}") from error
        if why is not None:
            raise DeviceError(why)

    def end(self, number: int) -> None:
        """Send a signal to every job, wherever it runs."""
        with contextlib.suppress(Exception):
            self.client.run(at_worker.end, number, on_error="ignore")

    def _ask(self, device: FleetDevice, what: Callable[..., Any], *arguments: Any) -> Any:
        # A job is bound to its device: which one may have it the queue has said, not Dask, whose
        # own retry gives a job back to whoever is idle: to a device that fails at once.
        return self.client.submit(
            what, *arguments, workers=[device.name], allow_other_workers=False, pure=False,
            retries=0, resources={"device": 1},
        )  # fmt: skip

    def _heard(self, event: tuple[float, Any]) -> None:
        name, line = event[1]
        if tell := self._tells.get(name):
            tell(line)


def _words(error: Exception) -> str:
    if type(error).__name__ == "KilledWorker":
        return "it ended, or the link to its host did"
    said = str(error).splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__


def connect(
    address: str, hosts: Mapping[str, HostForm], files: Mapping[str, bytes],
    options: tuple[str, ...],
) -> Workers:  # fmt: skip
    """
    The workers behind a scheduler.

    Raises:
        NotPossible: Dask is not installed.
        DeviceError: no scheduler answers, or it has lost all of its workers.
    """
    distributed = require()
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except OSError as error:
        raise DeviceError(f"the fleet's scheduler does not answer at {address}") from error
    workers = Workers(client, hosts, files, options)
    if not workers.names:
        raise DeviceError(
            "the fleet has lost all of its workers", hint="'fleet down', then 'fleet up'"
        )
    client.run(at_worker.again)
    return workers


def require() -> Any:
    """
    Dask's own package.

    Raises:
        NotPossible: it is not installed.
    """
    try:
        import distributed  # noqa: PLC0415 (the extra fleet)
    except ImportError as error:
        raise NotPossible(
            "several hosts need Dask distributed", hint="pip install 'droidreclaim[fleet]'"
        ) from error
    return distributed
