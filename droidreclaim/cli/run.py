"""The command run: a QA scenario under each arm, round after round, and a verdict."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connections
from droidreclaim.cli.output import emit, say, show, write
from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.units import plural

if TYPE_CHECKING:
    from droidreclaim.qa.figures import Result
    from droidreclaim.qa.folder import Folder
    from droidreclaim.qa.record import Round
    from droidreclaim.qa.scenario import Scenario


@with_connections
def run(
    path: Annotated[
        Path | None, typer.Argument(metavar="SCENARIO", help="A scenario: a YAML file.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="List every fault of SCENARIO; no device.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the form of a scenario as JSON Schema.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option("--rounds", min=1, max=1000, help="Rounds of each arm.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option("--arms", metavar="A,B", help="Arms instead of the scenario's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=1 << 31, help="Seed of the arms' order.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Folder of the run [run-NAME-TIME]."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the run in --out.")] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit to FILE, too.")
    ] = None,
    no_control: Annotated[
        bool,
        typer.Option(
            "--no-control", help="Give a verdict without a control arm or five rounds, too."
        ),
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Run a QA scenario under each arm, round after round: was the app's state kept?"""
    from droidreclaim.cli import connect
    from droidreclaim.qa import scenario as reader
    from droidreclaim.qa import setup

    if schema:
        emit(reader.schema())
        return
    if path is None:
        raise UsageError("which SCENARIO?", hint="a YAML file, as scenarios/game.yaml")
    if check:
        _check(path, as_json=as_json)
        return
    if resume and (out is None or force):
        raise UsageError("--resume goes on with the run in --out DIR: name it, without --force")
    words = tuple(arms.split(",")) if arms is not None else ()
    wanted = reader.adjusted(reader.load(path), arms=words, rounds=rounds, seed=seed)
    setup.require_files(wanted, path.parent)
    connect.on_each_of_several(connection)
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    out = connect.own_folder(out or Path(f"run-{wanted.name}-{at}"), connection)
    folder, done = _folder(wanted, out, resume=resume, force=force)
    junit = connect.own_file(junit, connection) if junit else None
    place = _Place(folder, path.parent, junit)
    _play(wanted, place, done, connection, control=not no_control, as_json=as_json)


def _check(path: Path, *, as_json: bool) -> None:
    from droidreclaim import report
    from droidreclaim.profiles.reader import faulty
    from droidreclaim.qa import scenario as reader

    found = reader.check(path)
    if isinstance(found, reader.Scenario):
        if as_json:
            emit(report.faults_json(str(path), ()))
        else:
            steps, arms = plural(len(found.steps), "step"), plural(len(found.arms), "arm")
            write(f"{path}: no fault; {steps}, {arms}, named {found.name}\n")
        return
    error = faulty(str(path), found)
    if as_json:
        emit(report.faults_json(str(path), found), error)
    raise error


def _folder(
    wanted: Scenario, out: Path, *, resume: bool, force: bool
) -> tuple[Folder, list[Round]]:
    from droidreclaim.qa.folder import Folder

    if not resume:
        return Folder.new(out, force=force), []
    folder, head, done = Folder.load(out)
    document = wanted.model_dump(mode="json", by_alias=True, exclude_none=True)
    kept = head.get("scenario") or {}
    changed = sorted(
        key for key in {*document, *kept} - {"rounds"} if document.get(key) != kept.get(key)
    )
    if changed:
        raise UsageError(f"--resume: {changed[0]} is not as the run in {out} has it")
    return folder, done


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is written; *beside* is the scenario's folder, *junit* another copy."""

    folder: Folder
    beside: Path
    junit: Path | None


def _play(
    wanted: Scenario, place: _Place, done: list[Round], connection: Connection,
    *, control: bool, as_json: bool,
) -> None:  # fmt: skip
    from droidreclaim.cli import connect
    from droidreclaim.qa import about, arms, conditions, require
    from droidreclaim.qa.figures import result
    from droidreclaim.qa.folder import ROUNDS
    from droidreclaim.qa.rounds import Run
    from droidreclaim.qa.setup import Setup

    def tell(line: str) -> None:
        folder.log(line)
        say(line, connection)

    # A round is told in one line; what its page-out is busy with would be another.
    logging.getLogger("droidreclaim.progress").setLevel(logging.WARNING)
    folder, names = place.folder, [one.arm for one in wanted.arms]
    root = any(map(arms.needs_root, names)) or require.root(wanted)
    with (
        connect.phone(connection, root=root, changes=True) as phone,
        Setup(require.met_by(phone, wanted), wanted, place.beside).applied() as changed,
    ):
        conditions.require(phone)
        arms.require(phone, names)
        phone.app(wanted.app).component()  # not there: said before anything is written
        head = {**connect.head(phone), **about.device(phone, wanted.app), **_line()}
        folder.begin(wanted, head)
        run = Run(
            phone, wanted, folder.path / ROUNDS, folder.note, tell, changed.again, place.beside,
            changed.require_held,
        )  # fmt: skip
        ended_by = run.play(done)
    found = result(wanted, run.rounds, control=control, complete=ended_by is None)
    unwritten = _finish(folder, found, head, place.junit)
    ended_by = ended_by or unwritten or _judge(found)
    if as_json:
        from droidreclaim.qa.figures import to_json

        emit({**to_json(found), **head}, ended_by)
    else:
        _show(found, folder)
    if ended_by is not None:
        raise ended_by


def _line() -> dict[str, Any]:
    return {"command_line": sys.argv[1:]}


def _finish(
    folder: Folder, found: Result, head: dict[str, Any], copy: Path | None
) -> UsageError | None:
    """Write the run's files; returns the error where one cannot be written, to be told last."""
    from droidreclaim.qa.junit import render

    try:
        folder.finish(found, head)
        if copy is not None:
            copy.write_text(render(found, head), encoding="utf-8")
    except UsageError as error:
        return error
    except OSError as error:
        return UsageError(f"--junit {copy}: {error.strerror or error}")
    return None


def _judge(found: Result) -> NotAchieved | None:
    failures = found.failures
    if not failures:
        return None
    more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
    return NotAchieved(f"{found.scenario.name}: {failures[0]}{more}")


def _show(found: Result, folder: Folder) -> None:
    from droidreclaim.qa import table

    show(table.result_table(found))
    write(f"{found.sentence}\n")
    write(f"everything is in {folder.path}\n")
