"""Start a phone, find those that run, stop them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from droidreclaim.device.adb import connect, disconnect
from droidreclaim.device.server import Server, find_server
from droidreclaim.errors import (
    DeviceError,
    DeviceTimeout,
    DroidReclaimError,
    NoDevice,
    NotPossible,
)
from droidreclaim.lab.phone import adb, image, qemu, saved, state
from droidreclaim.lab.phone.qmp import Monitor
from droidreclaim.lab.phone.state import Config, Phone

BOOT_TIMEOUT_S = 180.0  # 10 s on an idle machine, emulated on 2 cores; a busy one needs its time
RESTORE_TIMEOUT_S = 30.0  # 1 s on an idle machine
STOP_TIMEOUT_S = 5.0
SERVER_TIMEOUT_S = 15.0  # a cold adb server starts in 1 s
_POLL_S = 0.2
_CONSOLE_LINES = 5
_PORTS = range(6520, 6600)  # outside 5555..5683, where adb looks for emulators by itself


def start(
    config: Config,
    *,
    server: Server | None = None,
    progress: Callable[[str], None] = lambda _: None,
    timeout_s: float = BOOT_TIMEOUT_S,
    die_with_us: bool = False,
    fresh: bool = False,
    private: bool = False,
) -> Phone:
    """
    Start a phone; returns once it is up and the adb server knows it.

    It goes on from the machine state that the first phone of this configuration left in the cache,
    or boots: the first time, under KVM, and where that state is of no use.

    Args:
        server: The adb server to tell; None for the one the environment names.
        die_with_us: For test runs: QEMU is killed when the calling thread ends, however that ends.
        fresh: Boot, and save no state.
        private: Keep it from the user's commands: whoever starts it has to end it.

    Raises:
        UsageError: *config* or the environment makes no sense.
        NotPossible: no image, no QEMU.
        DeviceTimeout: it did not come up in *timeout_s* seconds; the message holds the console's
            last lines.
        DeviceError: the adb server did not connect.
        DroidReclaimError: QEMU ended.
    """
    config.check()
    server = server or _default_server()
    files = image.find(config.arch)
    if files is None:
        raise NotPossible(
            "the pocket phone is not set up",
            hint=f"run 'droidreclaim phone setup{config.arch_words}'",
        )
    accelerator = qemu.choose_accelerator(files, progress, config.arch)
    with _claimed_port(config.port) as port:
        chosen = (files, config, port, accelerator)
        starter = _Starter(*chosen, server, progress, timeout_s, die_with_us, private)
        if fresh or accelerator != "tcg":
            return starter.boot(None)
        place = saved.place_of(files, qemu.state_words(files, config))
        return starter.restore(place) or starter.boot(place)


@dataclass(frozen=True, slots=True)
class _Starter:
    """One start of a phone, on a port that is claimed for it."""

    files: image.Image
    config: Config
    port: int
    accelerator: str
    server: Server
    progress: Callable[[str], None]
    timeout_s: float
    die_with_us: bool
    private: bool

    def restore(self, place: saved.Place) -> Phone | None:
        """Go on from a saved state; None when there is none, or none that works."""
        memory = place.open_memory()
        if memory is None:
            return None
        try:
            with Monitor(min(self.timeout_s, RESTORE_TIMEOUT_S)) as monitor:
                words = qemu.restore_command(
                    self.files, self.config, self.port, self._console(), place.disk, memory
                )
                with self._running([*words, *monitor.words()], monitor, memory) as (_, phone):
                    self.progress(f"waking on {phone.serial} ({self.accelerator})")
                    saved.wake(monitor, self.port)
                    return phone
        except saved.Unusable as error:
            self.progress(f"the saved state is of no use ({error}) and is removed")
            place.discard()
            return None
        finally:
            os.close(memory)

    def boot(self, place: saved.Place | None) -> Phone:
        """Boot, and save the state where there is a *place* for it."""
        argv = qemu.command(self.files, self.config, self.port, self._console(), self.accelerator)
        with Monitor(self.timeout_s) as monitor:
            words = [*argv, *monitor.words()] if place else argv
            with self._running(words, monitor if place else None) as (process, phone):
                self.progress(f"booting on {phone.serial} ({self.accelerator})")
                _await_boot(process, phone, self.timeout_s)
                if place:
                    self._save(place, monitor)
        return phone

    def _save(self, place: saved.Place, monitor: Monitor) -> None:
        try:
            place.save(monitor, self.port, self.files.disk)
        except (DroidReclaimError, OSError) as error:
            self.progress(f"the phone's state is not saved: {error}")

    def _console(self) -> Path:
        return state.console_path(state.make_dir(), self.port)

    @contextmanager
    def _running(
        self, argv: list[str], monitor: Monitor | None, *inherited: int
    ) -> Iterator[tuple[subprocess.Popen[bytes], Phone]]:
        """Run QEMU; end it when the block raises, else tell the adb server of the phone."""
        fds = inherited if monitor is None else (*inherited, monitor.theirs.fileno())
        within_s = min(self.timeout_s, SERVER_TIMEOUT_S)
        with _interrupt_held() as release:
            process = qemu.spawn(argv, die_with_us=self.die_with_us, inherited=fds)
            ticks, console = state.start_ticks(process.pid), str(self._console())
            phone = Phone(
                process.pid,
                ticks or 0,
                self.port,
                console,
                self.accelerator,
                self.config,
                self.private,
            )
            try:
                release()
                state.save(phone)
                # A phone that the server still has by this name was killed.
                disconnect(self.server, phone.serial, within_s)
                yield process, phone
                connect(self.server, phone.serial, within_s)
            except BaseException:
                with suppress(DeviceError):  # what went wrong first says more
                    stop(phone, self.server)
                raise


def running() -> list[Phone]:
    """Every phone of this user that runs, by port."""
    return [phone for phone in state.load_all()[0] if phone.alive]


def unreadable() -> list[Path]:
    """Records of phones that cannot be read, and so are left alone."""
    return state.load_all()[1]


def clean_up(server: Server | None = None, timeout_s: float = SERVER_TIMEOUT_S) -> list[Phone]:
    """
    Remove what phones left that ended by themselves; returns those phones.

    Raises:
        DeviceError, DeviceTimeout, DeviceLost: as `stop`.
    """
    dead = [phone for phone in state.load_all()[0] if not phone.alive]
    for phone in dead:
        stop(phone, server, timeout_s)
    return dead


def find(port: int | None = None) -> Phone:
    """
    The phone on *port*, or the only one.

    Raises:
        NoDevice: no phone runs there, or several run and *port* is None.
    """
    phones = [
        phone for phone in running() if phone.port == port or (port is None and not phone.private)
    ]
    if not phones:
        raise NoDevice("no pocket phone runs", hint="run 'droidreclaim phone start'")
    if len(phones) > 1:
        raise NoDevice(
            f"{len(phones)} pocket phones run",
            hint="choose one of " + ", ".join(p.serial for p in phones),
        )
    return phones[0]


def stop(phone: Phone, server: Server | None = None, timeout_s: float = SERVER_TIMEOUT_S) -> None:
    """
    End a phone, and remove its record and its entry at the adb server; it may be gone already.

    Raises:
        UsageError: the environment names no adb server; the phone still runs.
        DeviceError, DeviceTimeout, DeviceLost: the adb server is not healthy; the phone has ended
            and stays written down, so that `clean_up` tries again.
    """
    server = server or _default_server()
    if phone.alive:
        _end(phone)
    disconnect(server, phone.serial, timeout_s)
    state.forget(phone)


def _default_server() -> Server:
    return find_server(None, None, os.environ)


@contextmanager
def _interrupt_held() -> Iterator[Callable[[], None]]:
    """
    Keep a Ctrl-C waiting until the yielded function is called, or the block ends.

    A handler does it: a blocked signal would go to another thread, and be raised here all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # an interrupt is the main thread's
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))

    def release() -> None:
        signal.signal(signal.SIGINT, before)
        if pressed:
            pressed.clear()
            signal.raise_signal(signal.SIGINT)

    try:
        yield release
    finally:
        release()


def _end(phone: Phone) -> None:
    """End the process by pidfd, so that no other process is hit that has its pid by now."""
    try:
        handle = os.pidfd_open(phone.pid)
    except ProcessLookupError:
        return
    try:
        if not phone.alive:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if _gone_within(phone, STOP_TIMEOUT_S):
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
    raise DroidReclaimError(f"QEMU (pid {phone.pid}) does not end")


def _gone_within(phone: Phone, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while phone.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def _claimed_port(wanted: int | None) -> Iterator[int]:
    """
    Claim a free port, *wanted* or the first: no other start of a phone gets it during the block.

    The claim is an abstract socket, which all users of this network see, and which ends with the
    process that holds it.
    """
    for port in _PORTS if wanted is None else [wanted]:
        with socket.socket(socket.AF_UNIX) as claim, socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                claim.bind(f"\0droidreclaim-phone-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            probe.close()
            yield port
            return
    where = "6520 to 6599" if wanted is None else str(wanted)
    raise NotPossible(f"no free port: {where}", hint="'droidreclaim phone status' lists the phones")


def _await_boot(process: subprocess.Popen[bytes], phone: Phone, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        if process.poll() is not None:
            raise DroidReclaimError(
                f"QEMU ended with {process.returncode}: {_last_words(process, phone)}"
            )
        answer = adb.run_on_phone(phone.port, "getprop sys.boot_completed", timeout_s=5.0)
        if answer is not None and answer.strip() == b"1":
            return
        if time.monotonic() > deadline:
            words = _last_words(process, phone)
            raise DeviceTimeout(f"the phone did not boot within {timeout_s:.0f} s: {words}")
        time.sleep(_POLL_S)


def _last_words(process: subprocess.Popen[bytes], phone: Phone) -> str:
    if process.poll() is not None and process.stderr is not None:
        said = process.stderr.read().decode("utf-8", "replace").strip()
        if said:
            return said.splitlines()[-1]
    try:
        text = Path(phone.console).read_text(errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = " / ".join(lines[-_CONSOLE_LINES:])
    return "".join(c if c.isprintable() else "?" for c in shown) or "nothing on its console"
