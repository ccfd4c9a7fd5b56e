"""
How a word of the command line may go on, asked by a shell at each press of Tab.

Answered before the command line itself is imported: a key press has 60 ms of processor time, and
typer alone takes 300. What commands and options there are stands in a table in the user's cache
(`table`), the packages of a device are those that its last ``ps`` saw, and serials come from the
adb server, if one runs and answers within 80 ms. Nothing here starts one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from droidreclaim.cli.complete import cache
from droidreclaim.cli.complete.words import FILES, Line, Table, read_line

VARIABLE = "_DROIDRECLAIM_COMPLETE"
_WORD = "_DROIDRECLAIM_WORD"  # PowerShell drops an empty word
MOST = 1000  # more helps nobody who presses Tab


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """
    Print how the last of *words* may go on, a line each; a shell's script reads that.

    After a tabulator stands what the word means. The line ``:files`` asks for names of files too.
    Whatever goes wrong prints nothing: an error in the middle of somebody's line helps nobody.
    """
    try:
        current = environment.get(_WORD)
        lines = answer([*words, current] if current is not None else words, environment)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except Exception:
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def answer(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The lines for *words*, of which the last is being written, perhaps still empty."""
    line = read_line(_table(), words)
    found = [*line.words]
    if "packages" in line.kinds:
        serial = line.serial or environment.get("ANDROID_SERIAL")
        found += [(one, "") for one in cache.packages(serial) if one not in line.given]
    if "serials" in line.kinds:
        found += _serials(line, environment)
    fitting = [
        f"{line.before}{word}" + (f"\t{about}" if about else "")
        for word, about in dict(found).items()
        if word.startswith(line.begun)
    ]
    return fitting[:MOST] + ([FILES] if "files" in line.kinds else [])


def _serials(line: Line, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    from droidreclaim.cli.complete.serials import serials

    return serials(line.host, line.port, environment)


def _table() -> Table:
    """The table from the cache; where there is none, or of another version, a new one."""
    known = cache.table()
    if known is not None:
        return known
    from droidreclaim.cli.complete.table import keep_table

    return keep_table()
