"""A helper that runs on a device, ready for requests."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DroidReclaimError
from droidreclaim.helper import verbs
from droidreclaim.helper.bundle import Bundle, load_bundle
from droidreclaim.helper.launch import Started, start_as_shell, start_helper
from droidreclaim.helper.protocol import PROTOCOL
from droidreclaim.helper.session import HEARTBEAT_MS, HelperSession
from droidreclaim.model import DeviceInfo

_SERVE = ("serve", f"heartbeat_ms={HEARTBEAT_MS}")
POCKET_PHONE = "Pocket Phone"  # ro.product.model of the phone that droidreclaim boots itself


@dataclass(frozen=True)
class RunningHelper:
    """
    The helper on one device, and what that device said about itself when it was started.

    Attributes:
        build: Hash of the sources it must have been built from.
        device: For what is asked of Android and not of the kernel; a shell, not root.
        journal_left: Whether a QA run has left a journal of what it changed.
    """

    session: HelperSession
    serial: str
    model: str | None
    sdk: int | None
    build: str
    device: Device
    journal_left: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    @property
    def source(self) -> str:
        """Where its numbers come from: ``phone`` (the pocket phone) or ``device``."""
        return "phone" if self.model == POCKET_PHONE else "device"

    def device_info(self, hello: verbs.Hello) -> DeviceInfo:
        """
        What names the device in an answer.

        Raises:
            DroidReclaimError: another helper than ours answers.
        """
        if (hello.protocol, hello.build) != (PROTOCOL, self.build):
            raise DroidReclaimError(
                f"{self.serial}: the helper there is build {hello.build}, not {self.build}",
                hint="droidreclaim uninstall, then try again",
            )
        return DeviceInfo(
            serial=self.serial,
            model=self.model,
            sdk=self.sdk,
            abi=hello.abi,
            kernel=hello.kernel,
            page_bytes=hello.page_bytes,
        )


def connect(
    device: Device,
    way: RootWay,
    *,
    timeout_s: float,
    kind: str = "helper",
    watch: bool = False,
) -> RunningHelper:
    """
    Start the helper on *device*; it is put there first where it is absent.

    Args:
        kind: ``guard`` or ``pressure`` for a session with another program, which speaks alike.
        watch: Whether a device whose adbd does not answer for 9 s is lost. One short of memory can
            stand still as long: whoever measures such a device waits.

    Raises:
        NotPossible: *way* is not root there (any more), no helper fits, or the device refuses it.
        DeviceError: the device was lost or did not answer within *timeout_s*.
    """
    bundle = load_bundle(kind=kind)
    started = start_helper(device, way, bundle, _SERVE, timeout_s=timeout_s)
    return _running(device, bundle, started, timeout_s, watch=watch)


def connect_as_shell(device: Device, *, timeout_s: float) -> RunningHelper:
    """
    Start the helper on *device* as the adb shell: it answers ``hello``, ``scan``, ``read`` and
    ``sample``, as far as the shell may read; what it may not is None.

    Raises:
        NotPossible: no helper fits, or the device runs no program of the shell's.
        DeviceError: the device was lost or did not answer within *timeout_s*.
    """
    bundle = load_bundle()
    started = start_as_shell(device, bundle, _SERVE, timeout_s=timeout_s)
    return _running(device, bundle, started, timeout_s, watch=True)


def _running(
    device: Device, bundle: Bundle, started: Started, timeout_s: float, *, watch: bool
) -> RunningHelper:
    ping = device.ping if watch else None
    session = HelperSession(started.channel, serial=device.serial, timeout_s=timeout_s, ping=ping)
    preamble = started.preamble
    return RunningHelper(
        session, device.serial, preamble.model or device.model, preamble.sdk, bundle.build, device,
        preamble.journal_left,
    )  # fmt: skip
