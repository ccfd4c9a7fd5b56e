"""Where in a command line the word stands that is being written: nothing is imported for it."""

from __future__ import annotations

from collections.abc import Sequence

FILES = ":files"
_VALUES = ("packages", "serials", "files")

# A command by its path ("guard start"): "commands" and "options" name what each means, "takes" the
# kind of an option's value, "arguments" the kinds of its words, of which the last may go on.
# A kind is "packages", "serials", "files", "none", or words of a fixed list: "=adj,rss".
Command = dict[str, dict[str, str]]
Table = dict[str, Command]


class Line:
    """
    What may stand at the end of a line.

    Attributes:
        begun: What is there of the word already.
        before: What precedes it in the same word of the shell: ``--band=``.
        kinds: What else fits: ``packages``, ``serials``, ``files``.
        words: Words that fit, with what each means.
        given: Words of the command before it.
        serial, host, port: What ``-s``, ``-H`` and ``-P`` said.
    """

    def __init__(self, begun: str) -> None:
        self.begun = begun
        self.before = ""
        self.kinds: set[str] = set()
        self.words: list[tuple[str, str]] = []
        self.given: list[str] = []
        self.serial: str | None = None
        self.host: str | None = None
        self.port: str | None = None

    def may_be(self, kind: str) -> None:
        """Add what is of *kind*."""
        for one in kind.split("+"):
            if one.startswith("="):
                self.words += [(word, "") for word in one[1:].split(",") if word]
            elif one in _VALUES:
                self.kinds.add(one)

    def take(self, option: str, value: str) -> None:
        """Note a value that was given before."""
        names = {"-s": "serial", "-H": "host", "-P": "port"}
        if option in names:
            setattr(self, names[option], value)


def read_line(table: Table, words: Sequence[str]) -> Line:
    """Read a line up to its last word, and say how that may go on."""
    *complete, begun = words or [""]
    line = Line(begun)
    path, wanting, only_words = "", "", False
    for word in complete:
        takes = table.get(path, {}).get("takes", {})
        if wanting:
            line.take(wanting, word)
            wanting = ""
        elif word == "--":
            only_words = True
        elif word.startswith("-") and len(word) > 1 and not only_words:
            wanting = word if word in takes else ""
        elif word in table.get(path, {}).get("commands", {}):
            path = f"{path} {word}".strip()
            line.given.clear()
        else:
            line.given.append(word)
    _end(line, table.get(path, {}), wanting, only_words)
    return line


def _end(line: Line, command: Command, wanting: str, only_words: bool) -> None:
    """Find what fits at the end: an option's value, an option, a command, an argument."""
    takes, options = command.get("takes", {}), command.get("options", {})
    name, equals, value = line.begun.partition("=")
    if wanting:
        line.may_be(takes[wanting])
    elif equals and name in takes and not only_words:
        line.before, line.begun = f"{name}=", value
        line.may_be(takes[name])
    elif line.begun.startswith("-") and not only_words:
        line.words += options.items()
    else:
        line.words += command.get("commands", {}).items()
        arguments = list(command.get("arguments", {}).values())
        if arguments:
            line.may_be(arguments[min(len(line.given), len(arguments) - 1)])
        elif not line.words and not line.begun:
            line.words += options.items()
