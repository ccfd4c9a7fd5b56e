"""The command compare: runs of one scenario, or storms, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson
from droidreclaim.cli.output import emit, show, write_folded
from droidreclaim.errors import UsageError
from droidreclaim.escape import safe

if TYPE_CHECKING:
    from droidreclaim.qa.compare import Comparison, Subject


def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of runs.")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the same as one page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put runs of one scenario side by side: two builds, or two devices; also storms."""
    from droidreclaim.qa import compare as comparing

    if len(paths) < 2:
        raise UsageError("compare wants two runs or more", hint="compare BEFORE AFTER")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("compare: one run stands there twice")
    subjects = [_subject(path) for path in paths]
    if len({one.hit for one in subjects}) > 1:
        raise UsageError("a run and a storm are not compared with each other")
    found = comparing.compare(subjects)
    if html is not None:
        _write_page(html, found)
    if as_json:
        emit(comparing.to_json(found))
        return
    from droidreclaim.qa.compare import table

    show(table.comparison_table(found))
    if (memory := table.memory_table(found)) is not None:
        write_folded("\n")
        show(memory)
    differing = "; ".join(found.differing) or "nothing: the same build on the same device"
    lines = [*comparing.sentences(found), f"what differs: {differing}"]
    lines += [f"{one.name} was cut short" for one in subjects if not one.complete]
    if found.left_out:
        lines.append(f"left out, for not all of them have it: {', '.join(found.left_out)}")
    write_folded("".join(f"{safe(line)}\n" for line in lines))


def _subject(path: Path) -> Subject:
    from droidreclaim.lab.storm import compare as storms
    from droidreclaim.lab.storm.folder import Folder as StormFolder
    from droidreclaim.qa import compare as comparing
    from droidreclaim.qa.folder import Folder

    _, head, rounds = Folder.load(path)
    if "parameters" in head:  # what a storm writes there
        storm, runs = StormFolder.load(path)
        return storms.subject(str(path), storm.what, runs, storm.version)
    if "scenario" not in head:
        raise UsageError(f"{path}: neither a run nor a storm")
    return comparing.subject(str(path), head, rounds)


def _write_page(path: Path, found: Comparison) -> None:
    from droidreclaim.qa.compare import page

    try:
        path.write_text(page.render(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {path}: {error.strerror or error}") from error
