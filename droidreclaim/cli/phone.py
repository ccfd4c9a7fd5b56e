"""The commands about the pocket phone: setup, start, status, shell, stop."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection
from droidreclaim.cli.output import emit, say
from droidreclaim.errors import NoDevice
from droidreclaim.units import format_size, parse_size

_RAM = "640MiB"

app = typer.Typer(help="The pocket phone: a small rooted phone under QEMU, to try things on.")

Port = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, help="Which phone [127.0.0.1:PORT]."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Install what is missing without asking.")]


class Root(StrEnum):
    """How to become root on the phone."""

    ADBD = "adbd"
    SU = "su"
    SU0 = "su0"
    NONE = "none"


@app.command()
def setup(yes: Yes = False) -> None:
    """Build the phone's image; installs QEMU and friends with apt after asking."""
    from droidreclaim.phone import image

    image.ensure(lambda question: yes or ask(question), _progress)
    typer.echo("the phone is ready to boot; next: droidreclaim phone start")


@app.command()
def start(
    ram: Annotated[str, typer.Option("--ram", metavar="SIZE", help="Memory of the phone.")] = _RAM,
    zram: Annotated[
        str, typer.Option("--zram", metavar="SIZE", help="Compressed swap; 0 for none.")
    ] = "512MiB",
    root: Annotated[Root, typer.Option("--root", help="How to become root there.")] = Root.ADBD,
    api: Annotated[int, typer.Option("--api", help="Android API level it plays.")] = 33,
    port: Port = None,
    yes: Yes = False,
) -> None:
    """Boot a phone and connect adb to it."""
    from droidreclaim.phone import image, vm
    from droidreclaim.phone.state import Config

    image.ensure(lambda question: yes or ask(question), _progress)
    config = Config(
        ram_bytes=parse_size(ram), zram_bytes=parse_size(zram), root=root.value, api=api, port=port
    )
    phone = vm.start(config, progress=_progress)
    typer.echo(f"{phone.serial} is up; next: droidreclaim -s {phone.serial} ps")


@app.command()
def status(as_json: AsJson = False) -> None:
    """List the phones that run."""
    from droidreclaim.phone import vm

    phones = vm.running()
    if as_json:
        emit({"phones": [{"serial": phone.serial, **asdict(phone)} for phone in phones]})
        return
    for phone in phones:
        config = phone.config
        typer.echo(
            f"{phone.serial}  pid {phone.pid}  {phone.accelerator}  "
            f"ram {format_size(config.ram_bytes)}  zram {format_size(config.zram_bytes)}  "
            f"root {config.root}  api {config.api}"
        )
    if not phones:
        typer.echo("no pocket phone runs; 'droidreclaim phone start' boots one")


@app.command()
def shell(port: Port = None) -> None:
    """Open an interactive shell on the phone: 'adb shell' with the right serial."""
    from droidreclaim.device.adb import find_adb
    from droidreclaim.phone import vm

    adb = find_adb()
    os.execv(adb, [adb, "-s", vm.find(port).serial, "shell"])


@app.command()
def stop(port: Port = None) -> None:
    """Stop a phone: no process, no port and no adb entry is left."""
    from droidreclaim.phone import vm

    if port is None and not vm.running():
        raise NoDevice("no pocket phone runs")
    phone = vm.find(port)
    vm.stop(phone)
    typer.echo(f"{phone.serial} is stopped")


def ask(question: str) -> bool:
    """Ask on a terminal; where nobody can answer, the answer is no."""
    return sys.stdin.isatty() and typer.confirm(question, default=True, err=True)


def _progress(line: str) -> None:
    say(line, Connection())
