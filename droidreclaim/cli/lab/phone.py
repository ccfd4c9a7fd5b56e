"""The commands about the pocket phone: setup, start, status, shell, stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, say, write, write_folded
from droidreclaim.errors import DeviceError, UsageError
from droidreclaim.units import KIB, format_size, parse_size

if TYPE_CHECKING:
    from droidreclaim.device.server import Server
    from droidreclaim.lab.phone.state import Config, Phone

_RAM = "640MiB"
_STEP_TIMEOUT_S = 60.0  # an emulated phone short of memory, on a busy machine

app = typer.Typer(help="The pocket phone: a small rooted phone under QEMU, to try things on.")

Port = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, help="Which phone, as -s 127.0.0.1:PORT does."),
]
ArchName = Annotated[
    Literal["x86_64", "arm64"],
    typer.Option("--arch", help="Processor of the phone; arm64 is always emulated."),
]
PageKib = Annotated[
    int, typer.Option("--page-kib", min=4, max=64, help="Size of a page: 4, or 16 with arm64.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Install what is missing without asking.")]


class Root(StrEnum):
    """How to become root on the phone."""

    ADBD = "adbd"
    SU = "su"
    SU0 = "su0"
    NONE = "none"


class Accel(StrEnum):
    """What runs the phone's processor: the host's own (KVM), or emulation."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


@app.command()
@with_connection
def setup(
    arch: ArchName = "x86_64", page_kib: PageKib = 4, yes: Yes = False, *, connection: Connection
) -> None:
    """Build the phone's image; installs QEMU and friends with apt after asking."""
    from droidreclaim.lab.phone import image
    from droidreclaim.lab.phone.state import Config

    config = Config(arch_name=arch, page_bytes=page_kib * KIB)
    image.ensure(lambda question: yes or confirm(question), _progress(connection), config.arch)
    write(f"the phone is ready to boot; next: droidreclaim phone start{config.arch_words}\n")


@app.command()
@with_connection
def start(
    ram: Annotated[str, typer.Option("--ram", metavar="SIZE", help="Memory of the phone.")] = _RAM,
    zram: Annotated[
        str, typer.Option("--zram", metavar="SIZE", help="Compressed swap; 0 for none.")
    ] = "512MiB",
    root: Annotated[Root, typer.Option("--root", help="How to become root there.")] = Root.ADBD,
    api: Annotated[
        int, typer.Option("--api", min=1, max=999, help="Android API level it plays.")
    ] = 33,
    cpus: Annotated[int, typer.Option("--cpus", min=1, max=8, help="Number of processors.")] = 2,
    accel: Annotated[
        Accel | None,
        typer.Option("--accel", help="How QEMU runs [auto]; remembered, also for demo and storm."),
    ] = None,
    phone_port: Port = None,
    yes: Yes = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Boot, even where a saved machine state would do.")
    ] = False,
    writeback: Annotated[
        bool,
        typer.Option("--writeback", help="Write frozen apps' zram to a file (from --api 37 on)."),
    ] = False,
    arch: ArchName = "x86_64",
    page_kib: PageKib = 4,
    *,
    connection: Connection,
) -> None:
    """Start a phone and connect adb to it."""
    from droidreclaim.lab.phone import image, vm
    from droidreclaim.lab.phone.state import Config, keep_accel

    config = Config(
        ram_bytes=parse_size(ram),
        zram_bytes=parse_size(zram),
        root=root.value,
        api=api,
        port=_chosen(phone_port, connection),
        writeback=writeback,
        arch_name=arch,
        page_bytes=page_kib * KIB,
        cpus=cpus,
    )
    server = _server(connection)
    if accel is not None:
        keep_accel(accel.value)
    config.check()
    image.ensure(lambda question: yes or confirm(question), _progress(connection), config.arch)
    _clean_up(server, connection)
    phone = vm.start(
        config,
        server=server,
        progress=_progress(connection),
        timeout_s=connection.timeout_s or vm.BOOT_TIMEOUT_S,
        fresh=fresh,
    )
    write(f"{phone.serial} is up; next: droidreclaim -s {phone.serial} ps\n")


@app.command()
@with_connection
def status(phone_port: Port = None, as_json: AsJson = False, *, connection: Connection) -> None:
    """List the phones that run, and connect adb to those it has lost."""
    from droidreclaim.lab.phone import vm

    server, port = _server(connection), _chosen(phone_port, connection)
    _clean_up(server, connection)
    phones = [phone for phone in vm.running() if port in (None, phone.port)]
    for phone in phones:
        if not phone.private:
            _connect_again(phone, server, connection)
    if as_json:
        emit({"phones": [{"serial": phone.serial, **asdict(phone)} for phone in phones]})
        return
    for phone in phones:
        config = phone.config
        write_folded(
            f"{phone.serial}  pid {phone.pid}  {phone.accelerator}  "
            f"ram {format_size(config.ram_bytes)}  zram {format_size(config.zram_bytes)}  "
            f"root {config.root}  api {config.api}"
            f"{'  of a demo or a storm' * phone.private}\n"
        )
    if not phones:
        write("no pocket phone runs; 'droidreclaim phone start' boots one\n")


@app.command()
@with_connection
def shell(phone_port: Port = None, *, connection: Connection) -> None:
    """Open an interactive shell on the phone: 'adb shell' with the right serial."""
    from droidreclaim.device.adb import find_adb
    from droidreclaim.lab.phone import vm

    server, port = _server(connection), _chosen(phone_port, connection)
    _clean_up(server, connection)
    phone = vm.find(port)
    _connect_again(phone, server, connection)
    adb = find_adb()
    # With -H, adb takes even this machine's server for one that it must not start.
    host = [] if server.may_be_started else ["-H", server.host]
    os.execv(adb, [adb, *host, "-P", str(server.port), "-s", phone.serial, "shell"])


@app.command()
@with_connection
def stop(phone_port: Port = None, *, connection: Connection) -> None:
    """Stop a phone: no process, no port and no adb entry is left."""
    from droidreclaim.lab.phone import vm

    server, port = _server(connection), _chosen(phone_port, connection)
    dead = _clean_up(server, connection)
    gone = [phone for phone in dead if port in (None, phone.port)]
    if gone and not any(port in (None, phone.port) for phone in vm.running()):
        write("".join(f"{phone.serial} was dead and is cleaned up\n" for phone in gone))
        return
    phone = vm.find(port)
    vm.stop(phone, server, _timeout_s(connection))
    write(f"{phone.serial} is stopped\n")


@contextmanager
def booted(config: Config) -> Iterator[tuple[Phone, Connection]]:
    """A phone of our own and how to reach it; it ends with us, however we end."""
    from droidreclaim.lab.phone import vm

    phone = vm.start(config, die_with_us=True, private=True)
    try:
        yield phone, Connection(serials=(phone.serial,), timeout_s=_STEP_TIMEOUT_S)
    finally:
        vm.stop(phone)


def _chosen(port: int | None, connection: Connection) -> int | None:
    """
    The port of the phone that --port or -s names; None where neither does.

    Raises:
        UsageError: -s names no pocket phone, or another one than --port.
    """
    if connection.serial is None:
        return port
    host, _, named = connection.serial.rpartition(":")
    if host != "127.0.0.1" or not named.isdecimal() or not 0 < int(named) < 65536:
        raise UsageError(
            f"-s {connection.serial}: no pocket phone has this serial",
            hint="theirs are 127.0.0.1:PORT",
        )
    if port not in (None, int(named)):
        raise UsageError(f"-s {connection.serial} and --port {port} are two phones")
    return int(named)


def _server(connection: Connection) -> Server:
    from droidreclaim.device.server import find_server

    return find_server(connection.host, connection.port, os.environ)


def _timeout_s(connection: Connection) -> float:
    from droidreclaim.cli import connect

    return connect.timeout_s(connection)


def _clean_up(server: Server, connection: Connection) -> list[Phone]:
    """Remove what dead phones left, and say so; returns them."""
    from droidreclaim.lab.phone import vm

    dead = vm.clean_up(server, _timeout_s(connection))
    for phone in dead:
        say(f"{phone.serial} was dead; its log and its adb entry are removed", connection)
    for path in vm.unreadable():
        say(f"{path} cannot be read and is kept; remove it if no phone runs for it", connection)
    return dead


def _connect_again(phone: Phone, server: Server, connection: Connection) -> None:
    """Have the adb server know a phone that runs, as it does not after a restart."""
    from droidreclaim.device.adb import connect

    try:
        if connect(server, phone.serial, _timeout_s(connection)):
            say(f"{phone.serial}: adb had lost it and is connected again", connection)
    except DeviceError as error:
        say(f"{phone.serial}: {error}", connection)


def confirm(question: str) -> bool:
    """Ask on a terminal; where nobody can answer, the answer is no."""
    return sys.stdin.isatty() and typer.confirm(question, default=True, err=True)


def _progress(connection: Connection) -> Callable[[str], None]:
    return lambda line: say(line, connection)
