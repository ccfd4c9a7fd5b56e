"""The command storm: ways to treat background apps, measured by opening apps again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, say, show
from droidreclaim.cli.phone import booted
from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.storm.plan import Order, Parameters, Pressure

if TYPE_CHECKING:
    from droidreclaim.storm.arms import Needs
    from droidreclaim.storm.events import Run
    from droidreclaim.storm.folder import Folder
    from droidreclaim.storm.stage import Stage

_API = 33
_KEPT = ("config", "apps", "rounds", "order", "quick", "api", "packages")  # by a folder


@with_connection
def storm(
    ctx: typer.Context,
    config: Annotated[
        Pressure, typer.Option("--config", help="How much is asked of the phone.")
    ] = Pressure.ROOMY,
    apps: Annotated[
        int | None, typer.Option("--apps", min=2, max=64, help="Apps; 16, or 8 with --quick.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option("--rounds", min=1, help="Launches an app; 7, or 3 with --quick.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option("--arms", metavar="A,B", help="Which to run; all by default.")
    ] = None,
    order: Annotated[Order, typer.Option("--order", help="How people return.")] = Order.UNIFORM,
    seed: Annotated[
        str | None,
        typer.Option("--seed", metavar="N,N", help="Of sizes and order; several are compared."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small storm, for CI.")] = False,
    api: Annotated[int, typer.Option("--api", help="Android API level of the phone.")] = _API,
    packages: Annotated[
        str | None,
        typer.Option("--packages", metavar="A,B", help="Apps of the chosen device to open."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write everything down there.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the storm in --out, or add arms to it.")
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Open apps again and again: who is killed, what it costs, with and without page-out."""
    from droidreclaim.storm import table
    from droidreclaim.storm.measure import jobs_of, measure
    from droidreclaim.storm.result import Storm, to_json
    from droidreclaim.storm.state import difference

    named = _words(packages)
    if named:
        what = _of_device(named, rounds, order)
    else:
        what = _of_phone(config, order, quick=quick, apps=apps, rounds=rounds, api=api)
    folder, done = _folder(out, what, ctx if resume else None)
    what = folder.what if folder else what
    _require_place(what, connection)
    names, seeds = _wanted(what, folder, _words(arms), _words(seed))
    if folder is not None:
        folder.plan(names, seeds)
    finished = {run.key for run in done}
    jobs = [job for job in jobs_of(what, names, seeds) if (job.arm, job.seed) not in finished]
    stages = _Stages(what, connection)
    note = folder.note if folder else (lambda key, event: None)
    runs, ended_by = measure(jobs, stages.stage, note, partial(say, connection=connection))
    runs = [*done, *runs]
    result = Storm(what, tuple(runs), stages.source, difference(runs))
    if folder is not None:
        folder.finish(result)
    if as_json:
        emit(to_json(result))
    else:
        show(table.of(result))
        for line in table.remarks(result):
            say(line, connection)
    if ended_by is not None:
        raise ended_by
    if result.not_comparable is not None:
        raise result.not_comparable


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word for word in (text or "").split(",") if word)


def _of_phone(
    config: Pressure, order: Order, *, quick: bool, apps: int | None, rounds: int | None, api: int
) -> Parameters:
    from droidreclaim.storm.plan import parameters

    return parameters(config, order, quick=quick, apps=apps, rounds=rounds, api=api)


def _of_device(packages: tuple[str, ...], rounds: int | None, order: Order) -> Parameters:
    from droidreclaim.policy import parse_targets

    names, pids = parse_targets(packages)
    if pids or len(set(names)) < 2 or len(set(names)) != len(names):
        raise UsageError("--packages: two or more apps, each once")
    return Parameters(None, len(names), rounds or 7, order, packages=names)


def _folder(
    out: Path | None, what: Parameters, resumed: typer.Context | None
) -> tuple[Folder | None, list[Run]]:
    """Where to write, and what is there already."""
    from droidreclaim.storm.folder import Folder

    if resumed is None:
        return (Folder.new(out, what) if out is not None else None), []
    if out is None:
        raise UsageError("--resume goes on with the storm in --out DIR: name it")
    given = [name for name in _KEPT if _is_given(resumed, name)]
    if given:
        raise UsageError(f"--resume keeps --{given[0]} as {out} has it: leave it out")
    return Folder.load(out)


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _wanted(
    what: Parameters, folder: Folder | None, arms: Sequence[str], seeds: Sequence[str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Which arms with which seeds: as asked for, as the folder has it, or all with seed 1."""
    from droidreclaim.storm.arms import NAMES, OF_ANY_DEVICE, needs_of

    known = folder.wanted if folder else None
    names = tuple(arms) or (known[0] if known else OF_ANY_DEVICE if what.packages else NAMES)
    only_ours = [name for name in names if not needs_of(name).of_any_device]
    if what.packages and only_ours:
        raise NotPossible(
            f"{only_ours[0]}: a device keeps its swap and its killer",
            hint="without --packages, phones of our own are booted",
        )
    if not all(word.isdecimal() and len(word) < 10 for word in seeds):
        raise UsageError(f"--seed {','.join(seeds)}: whole numbers, as 1,2,3")
    numbers = tuple(map(int, seeds)) or (known[1] if known else (1,))
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(numbers))


def _require_place(what: Parameters, connection: Connection) -> None:
    """See that there is something to run on: the device that was chosen, or phones of our own."""
    from droidreclaim.device.select import Choice, read_choice
    from droidreclaim.phone import image

    choice = read_choice(
        connection.serial, connection.usb, connection.emulator, os.environ.get("ANDROID_SERIAL")
    )
    if what.packages:
        return
    if choice != Choice():
        raise UsageError(
            f"{choice}: which of its apps shall be opened, and ended before?",
            hint="--packages A,B,C; without a device chosen, pocket phones are booted",
        )
    if image.find() is None:
        raise NotPossible("the pocket phone is not set up", hint="run 'droidreclaim phone setup'")


class _Stages:
    """Phones of our own, a fresh one each time; or the device that was chosen."""

    def __init__(self, what: Parameters, connection: Connection) -> None:
        self.what = what
        self.connection = connection
        self.source = "device" if what.packages else "phone"

    @contextmanager
    def stage(self, needs: Needs) -> Iterator[Stage]:
        from droidreclaim.phone.state import Config

        what = self.what
        if what.packages:
            with self._on(self.connection) as stage:
                yield stage
            return
        assert what.ram_bytes is not None
        assert what.zram_bytes is not None
        config = Config(
            ram_bytes=what.ram_bytes,
            zram_bytes=what.zram_bytes if needs.swap else 0,
            api=what.api or _API,
            apps="none",
        )
        with (
            booted(config) as (phone, connection),
            self._on(connection, phone.accelerator) as stage,
        ):
            yield stage

    @contextmanager
    def _on(self, connection: Connection, accelerator: str | None = None) -> Iterator[Stage]:
        from droidreclaim.cli import connect
        from droidreclaim.storm.stage import Stage

        device = connect.chosen_device(connection)
        way, helper = connect.rooted(device, connection)
        self.source = helper.source
        with helper:
            timeout_s = connect.timeout_s(connection)
            yield Stage(device, way, helper, accelerator is not None, accelerator, timeout_s)
