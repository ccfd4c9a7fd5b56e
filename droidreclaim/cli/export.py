"""The command export: what a QA run measured, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from droidreclaim.cli.output import write
from droidreclaim.errors import UsageError

_STDOUT = Path("-")


def export(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="One line for each round; - for stdout."),
    ] = None,
) -> None:
    """Write what a QA run measured for other tools."""
    from droidreclaim.qa.folder import Folder
    from droidreclaim.qa.rows import to_csv

    if csv is None:
        raise UsageError("export to what?", hint="--csv FILE")
    text = to_csv(Folder.load(path)[2])
    if csv == _STDOUT:
        write(text)
        return
    try:
        csv.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{csv}: {error.strerror or error}") from error
