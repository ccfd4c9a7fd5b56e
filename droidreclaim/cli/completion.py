"""The command that hands a shell its script for Tab."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from droidreclaim.cli.output import write


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], typer.Argument(metavar="SHELL")],
) -> None:
    """
    Print the script that makes Tab work: bash, zsh, fish, powershell (untested).

    For this shell: eval "$(droidreclaim completion bash)", in fish: droidreclaim completion fish |
    source. For every shell: write it to
    ~/.local/share/bash-completion/completions/droidreclaim,
    ~/.config/fish/completions/droidreclaim.fish, or as _droidreclaim into a folder of zsh's fpath.
    """
    from droidreclaim.cli.complete import shells, table

    table.keep_table()
    write(shells.script(shell))
