"""An emulator's console of our own: the greeting, the token, and two questions."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

TOKEN = "T0ken+/="


class Console:
    """
    Listens until `close`; ``emulator-PORT`` is its serial.

    Attributes:
        lines: Every line that came.
    """

    def __init__(self, name: str, folder: Path | None = None, *, greets: bool = True) -> None:
        self.answers = {"avd name": name, "avd path": str(folder or "")}
        self.lines: list[str] = []
        self._greets = greets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"emulator-{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected: socket.socket) -> None:
        with connected, suppress(OSError), connected.makefile("rw", newline="\n") as stream:

            def say(*lines: str) -> None:
                stream.write("".join(f"{line}\r\n" for line in lines))
                stream.flush()

            if not self._greets:
                stream.readline()
                return
            say("Android Console: Authentication required", "'/home/x/.emulator_console'", "OK")
            allowed = False
            for line in stream:
                words = line.strip()
                self.lines.append(words)
                if words == f"auth {TOKEN}":
                    allowed = True
                    say("Android Console: type 'help' for a list of commands", "OK")
                elif not allowed:
                    say("KO: authentication token does not match")
                elif self.answers.get(words):
                    say(self.answers[words], "OK")
                else:
                    say("KO: unknown command")
