"""The command storm: ways to treat background apps, measured by opening apps again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.lab.phone import booted
from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, say, show
from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.lab.storm.plan import Order, Parameters, Pressure, Reuse, Sizes, lmk_settings
from droidreclaim.units import MIB, format_size, parse_size

if TYPE_CHECKING:
    from droidreclaim.lab.storm.arms import Needs
    from droidreclaim.lab.storm.events import Run
    from droidreclaim.lab.storm.folder import Folder
    from droidreclaim.lab.storm.result import Storm
    from droidreclaim.lab.storm.stage import Stage

_API = 33
_SIZES = ("ram", "zram", "app_size")
_OURS = ("config", "apps", "quick", "api", "writeback", "lmk", "reuse", *_SIZES)
_KEPT = (
    "config",
    "apps",
    "rounds",
    "order",
    "quick",
    "api",
    "writeback",
    "lmk",
    "reuse",
    *_SIZES,
    "packages",
)  # by a folder
_LEAST_BYTES = 4 * MIB  # of zram, and of an app


@with_connection
def storm(
    ctx: typer.Context,
    config: Annotated[
        Pressure, typer.Option("--config", help="How much is asked of the phone.")
    ] = Pressure.ROOMY,
    apps: Annotated[
        int | None,
        typer.Option("--apps", min=2, max=64, help="Number of apps; 16, or 8 with --quick."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds", min=1, max=1000, help="Launches of each app; 7, or 3 with --quick."
        ),
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            metavar="A,B",
            help="Arms [the first five]: no_swap, lowmemorykiller, kernel_swap, eager, lazy, "
            "am_compact, guard:PROFILE.",
        ),
    ] = None,
    order: Annotated[
        Order, typer.Option("--order", help="Order in which apps are opened again.")
    ] = Order.UNIFORM,
    seed: Annotated[
        str | None,
        typer.Option(
            "--seed", metavar="N,N", help="Seed of sizes and order; several are compared."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small storm, for CI.")] = False,
    api: Annotated[
        int, typer.Option("--api", min=1, max=999, help="Android API level of the phone.")
    ] = _API,
    writeback: Annotated[
        bool,
        typer.Option(
            "--writeback",
            help="Write frozen apps' zram to a file a second later (from --api 37 on).",
        ),
    ] = False,
    ram: Annotated[
        str | None,
        typer.Option("--ram", metavar="SIZE", help="RAM of the phone, instead of --config's."),
    ] = None,
    zram: Annotated[
        str | None,
        typer.Option("--zram", metavar="SIZE", help="zram of the phone, instead of --config's."),
    ] = None,
    app_size: Annotated[
        str | None,
        typer.Option("--app-size", metavar="SIZE", help="Heap of an app, on average [56MiB]."),
    ] = None,
    reuse: Annotated[
        Reuse,
        typer.Option(
            "--reuse",
            help="Per cent of the pages of an app's last resume that it uses at the next.",
        ),
    ] = Reuse.ALL,
    lmk: Annotated[
        list[str] | None,
        typer.Option(
            "--lmk",
            metavar="NAME=VALUE",
            help="Tune the phone's lmkd as vendors do, by a name of ro.lmk.* (several times).",
        ),
    ] = None,
    packages: Annotated[
        str | None,
        typer.Option(
            "--packages",
            metavar="A,B",
            help="Open these apps of the chosen device, not a phone of our own.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Folder for samples, figures and page."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the storm in --out, or add arms to it.")
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Open apps again and again: who is killed, what it costs, with and without page-out."""
    from droidreclaim.lab.storm.folder import Folder
    from droidreclaim.lab.storm.measure import jobs_of, measure
    from droidreclaim.lab.storm.result import Storm
    from droidreclaim.lab.storm.state import difference

    folder, done = _resumed(out, ctx) if resume else (None, [])
    if folder is not None:
        what = folder.what
    elif packages is not None:
        if given := _given(ctx, _OURS):
            raise UsageError(
                f"--{given.replace('_', '-')} is for phones of our own: not with --packages"
            )
        what = _of_device(_words("packages", packages), rounds, order)
    else:
        own = Sizes(
            ram_bytes=_size("--ram", ram),
            zram_bytes=_size("--zram", zram, _LEAST_BYTES),
            heap_bytes=_size("--app-size", app_size, _LEAST_BYTES),
        )
        what = _of_phone(config, order, own, quick=quick, apps=apps, rounds=rounds, api=api)
        what = replace(what, lmk=lmk_settings(lmk or []), reuse_percent=int(reuse.value))
        what = _written_back(what) if writeback else what
    names, seeds = _wanted(what, folder, _words("arms", arms), _words("seed", seed))
    _require_place(what, connection)
    if out is not None:
        folder = folder or Folder.new(out, what)
        folder.plan(names, seeds)
    finished = {run.key for run in done}
    jobs = [job for job in jobs_of(what, names, seeds) if (job.arm, job.seed) not in finished]
    stages = _Stages(what, connection)
    note = folder.note if folder else (lambda key, event: None)
    new, ended_by = measure(jobs, stages.stage, note, partial(say, connection=connection), done)
    runs = (*done, *new)
    result = Storm(what, runs, stages.source, difference(runs))
    if runs:
        ended_by = ended_by or result.not_comparable
        try:
            _show(result, connection, ended_by, as_json=as_json)
        finally:
            unwritten = _finish(folder, result)
        if ended_by is not None and unwritten is not None:
            say(f"the report is not written: {unwritten}", connection)
        ended_by = ended_by or unwritten
    if ended_by is not None:
        raise ended_by


def _show(
    result: Storm, connection: Connection, error: BaseException | None, *, as_json: bool
) -> None:
    from droidreclaim.lab.storm import table
    from droidreclaim.lab.storm.result import to_json

    if as_json:
        emit(to_json(result), error)
        return
    show(table.storm_table(result))
    for line in table.remarks(result):
        say(line, connection)


def _finish(folder: Folder | None, result: Storm) -> UsageError | None:
    """Write the report; returns what is in its way, which must not hide what was measured."""
    try:
        if folder is not None:
            folder.finish(result)
    except UsageError as error:
        return error
    return None


def _words(option: str, text: str | None) -> tuple[str, ...]:
    words = tuple(text.split(",")) if text is not None else ()
    if "" in words:
        raise UsageError(f"--{option} {text!r}: a word is empty")
    return words


def _size(option: str, text: str | None, least_bytes: int = 0) -> int | None:
    if text is None:
        return None
    size_bytes = parse_size(text)
    if size_bytes < least_bytes:
        raise UsageError(f"{option} {text}: {format_size(least_bytes)} or more")
    return size_bytes


def _of_phone(config: Pressure, order: Order, own: Sizes, *, quick: bool, apps: int | None,
              rounds: int | None, api: int) -> Parameters:  # fmt: skip
    from droidreclaim.lab.phone.state import Config
    from droidreclaim.lab.storm.plan import parameters

    what = parameters(config, order, quick=quick, apps=apps, rounds=rounds, api=api, own=own)
    Config(ram_bytes=what.ram_bytes or 0, api=api).check()
    return what


def _written_back(what: Parameters) -> Parameters:
    from droidreclaim.lab.phone.state import Config

    Config(zram_bytes=what.zram_bytes or 0, api=what.api or _API, writeback=True).check()
    return replace(what, writeback=True)


def _of_device(packages: tuple[str, ...], rounds: int | None, order: Order) -> Parameters:
    from droidreclaim.policy import parse_targets

    names, pids = parse_targets(packages)
    if pids or len(set(names)) < 2 or len(set(names)) != len(names):
        raise UsageError("--packages: two or more apps, each once")
    return Parameters(None, len(names), rounds or 7, order, packages=names)


def _resumed(out: Path | None, ctx: typer.Context) -> tuple[Folder, list[Run]]:
    """The storm that was begun in *out*, and what of it is done."""
    from droidreclaim.lab.storm.folder import Folder

    if out is None:
        raise UsageError("--resume goes on with the storm in --out DIR: name it")
    if given := _given(ctx, _KEPT):
        raise UsageError(
            f"--resume keeps --{given.replace('_', '-')} as {out} has it: leave it out"
        )
    return Folder.load(out)


def _given(ctx: typer.Context, names: Sequence[str]) -> str | None:
    """The first of *names* that was given."""
    sources = ((name, ctx.get_parameter_source(name)) for name in names)
    return next((name for name, one in sources if one and one.name == "COMMANDLINE"), None)


def _wanted(
    what: Parameters, folder: Folder | None, arms: Sequence[str], seeds: Sequence[str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Which arms with which seeds: as asked for, as the folder has it, or all with seed 1."""
    from droidreclaim.lab.storm.arms import OF_ANY_DEVICE, USUAL, WITH_SWAP, needs_of

    known = folder.wanted if folder else None
    usual = OF_ANY_DEVICE if what.packages else WITH_SWAP if what.writeback else USUAL
    names = tuple(arms) or (known[0] if known else usual)
    if what.writeback and (without := [name for name in names if not needs_of(name).swap]):
        raise UsageError(f"{without[0]} has no zram to write back: not with --writeback")
    only_ours = [name for name in names if not needs_of(name).of_any_device]
    if what.packages and only_ours:
        raise NotPossible(
            f"{only_ours[0]}: a device keeps its swap, its killer and its settings",
            hint="without --packages, phones of our own are booted",
        )
    if not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in seeds):
        raise UsageError(f"--seed {','.join(seeds)}: whole numbers, as 1,2,3")
    numbers = tuple(map(int, seeds)) or (known[1] if known else (1,))
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(numbers))


def _require_place(what: Parameters, connection: Connection) -> None:
    """See that there is something to run on: the device that was chosen, or phones of our own."""
    from droidreclaim.device.select import Choice, read_choice
    from droidreclaim.lab.phone import image

    if what.packages:
        return
    # $ANDROID_SERIAL is for whatever needs a device of the user's, which phones of our own do not.
    choice = read_choice(connection.serial, connection.usb, connection.emulator, None)
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
        from droidreclaim.lab.hands import Hands
        from droidreclaim.lab.phone.state import Config

        what = self.what
        if what.packages:
            with self._stage_on(self.connection) as stage:
                yield stage
            return
        assert what.ram_bytes is not None
        assert what.zram_bytes is not None
        config = Config(
            ram_bytes=what.ram_bytes,
            zram_bytes=what.zram_bytes if needs.swap else 0,
            api=what.api or _API,
            apps="none",
            writeback=what.writeback,
        )
        with (
            booted(config) as (phone, connection),
            self._stage_on(connection, phone.accelerator) as stage,
        ):
            hands = Hands(stage.phone, lambda: None)
            hands.tune_killer(what.lmk)
            hands.reuse(what.reuse_percent)
            if what.writeback:
                hands.write_back_soon()
            yield replace(stage, allow_flash=what.writeback)

    @contextmanager
    def _stage_on(self, connection: Connection, accelerator: str | None = None) -> Iterator[Stage]:
        from droidreclaim.cli import connect
        from droidreclaim.lab.storm.stage import Stage

        with connect.phone(connection) as phone:
            self.source = phone.source
            yield Stage(phone, ours=accelerator is not None, accelerator=accelerator)
