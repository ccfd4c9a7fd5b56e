"""The command demo: the pocket phone twice, without and with page-out, and what that changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.lab.phone import Yes, booted, confirm
from droidreclaim.cli.options import AsJson, Connection
from droidreclaim.cli.output import emit, say, show, write
from droidreclaim.errors import NotAchieved, NotPossible, UsageError
from droidreclaim.units import format_size, parse_size

if TYPE_CHECKING:
    from droidreclaim.lab.demo.result import Demo
    from droidreclaim.lab.phone.state import Config

_RAM = "512MiB"


def demo(
    ctx: typer.Context,
    setup: Annotated[
        bool, typer.Option("--setup", help="Build the phone first: QEMU by apt, after asking.")
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=999_999_999, help="Seed of apps, order and score.")
    ] = 1,
    apps: Annotated[
        int, typer.Option("--apps", min=4, max=32, help="Number of apps, the game among them.")
    ] = 8,
    ram: Annotated[str, typer.Option("--ram", metavar="SIZE", help="Memory of the phone.")] = _RAM,
    api: Annotated[
        int,
        typer.Option(
            "--api", min=1, max=999, help="Android API level the phone plays, and lmkd's rules."
        ),
    ] = 33,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the result as one page.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Play a game on a pocket phone, run out of memory, and see what becomes of its score."""
    from droidreclaim.lab.demo import page, scenario, table
    from droidreclaim.lab.demo.result import to_json
    from droidreclaim.lab.phone import image
    from droidreclaim.lab.phone.state import Config

    progress = partial(say, connection=ctx.obj or Connection())
    if html is not None and not html.parent.is_dir():
        raise UsageError(f"--html {html}: there is no directory {html.parent}")
    ram_bytes = parse_size(ram)
    if setup:
        image.ensure(lambda question: yes or confirm(question), progress)
    elif image.find() is None:
        raise NotPossible("the pocket phone is not set up", hint="run 'droidreclaim demo --setup'")
    config = Config(
        ram_bytes=ram_bytes, zram_bytes=scenario.zram_bytes(ram_bytes), api=api, apps="none"
    )
    result = _run(config, seed, apps, progress)
    if html is not None:
        html.write_text(page.render(result), encoding="utf-8")
    words = f"this run does not show the difference: {result.not_shown}"
    error = NotAchieved(words) if result.not_shown else None
    if as_json:
        emit(to_json(result), error)
    else:
        show(table.demo_table(result))
        write(table.verdict(result) + "\n")
    if error is not None:
        raise error


def _run(config: Config, seed: int, apps: int, progress: Callable[[str], None]) -> Demo:
    """Both arms, each on a fresh boot; what is played is chosen on the first and kept."""
    from droidreclaim.cli import connect
    from droidreclaim.lab.demo import arms, scenario
    from droidreclaim.lab.demo.result import WITH, WITHOUT, Demo
    from droidreclaim.lab.storm.stage import Stage

    start_s = time.monotonic()
    played = None
    done = []
    for name in (WITHOUT, WITH):
        progress(f"[{name}] a phone with {format_size(config.ram_bytes)} of memory boots")
        with booted(config) as (booted_phone, connection), connect.phone(connection) as phone:
            if played is None:
                played = scenario.plan(seed, apps, arms.available_bytes(phone))
            stage = Stage(phone, ours=True, accelerator=booted_phone.accelerator)
            done.append(arms.play(stage, played, name=name, progress=progress))
    assert played is not None
    return Demo(
        scenario=played,
        ram_bytes=config.ram_bytes,
        zram_bytes=config.zram_bytes,
        accelerator=booted_phone.accelerator,
        arms=tuple(done),
        duration_s=time.monotonic() - start_s,
        api=config.api,
    )
