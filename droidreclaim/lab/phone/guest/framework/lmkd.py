"""The framework's side of lmkd: tells lmkd each process's adj, reads lmkd's reports of kills."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from .links import MESSAGE_BYTES, spawn
from .props import Properties

PROGRAM = "/system/bin/lmkd"
NATIVE_ADJ = -1000


class Kill(NamedTuple):
    """One kill as lmkd told it, before it sent the signal."""

    pid: int
    uid: int
    adj: int
    min_adj: int
    rss_bytes: int
    swap_bytes: int
    code: int
    numbers: str
    name: str
    reason: str


def kill_line(kill: Kill, sdk: int) -> str:
    """Return lmkd's own log line, as that release words it (formats.md 16)."""
    rss, swap = kill.rss_bytes // 1024, kill.swap_bytes // 1024
    head = f"Kill '{kill.name}' ({kill.pid}), uid {kill.uid}, "
    if sdk <= 28:
        return (
            f"Killing '{kill.name}' ({kill.pid}), uid {kill.uid}, adj {kill.adj}\n"
            f"   to free {rss}kB because system is under critical memory pressure"
            f" oom_adj {kill.min_adj}"
        )
    if sdk == 29:
        return f"{head}oom_adj {kill.adj} to free {rss}kB"
    if sdk == 30:
        return f"{head}oom_adj {kill.adj} to free {rss}kB; reason: {kill.reason}"
    anon = f"{rss}kB anon rss, " if sdk >= 34 else ""
    freed = f"{rss}kB rss, {anon}{swap}kB swap"
    return f"{head}oom_score_adj {kill.adj} to free {freed}; reason: {kill.reason}"


def kill_event(kill: Kill) -> str:
    """Return the values of killinfo: who, how important, how large, why, and what lmkd saw."""
    who = f"{kill.pid},{kill.uid},{kill.adj},{kill.min_adj},{kill.rss_bytes // 1024}"
    return f"[{who},{kill.code},{kill.numbers}]"


class Lmkd:
    """
    The running lmkd.

    Args:
        killed: Called with each kill.
        say: Called with level, pid, buffer, tag and text of each line for the log.
    """

    def __init__(
        self,
        sdk: int,
        props: Properties,
        killed: Callable[[Kill], None],
        say: Callable[[str, int, str, str, str], None],
    ) -> None:
        self._sdk = sdk
        self._killed = killed
        self._say = say
        self._pid = 0
        words = ["lmkd", f"sdk={sdk}", *props.lmkd_settings()]
        self._sock = spawn(PROGRAM, words, NATIVE_ADJ)
        threading.Thread(target=self._listen, daemon=True).start()

    def rank(self, pid: int, uid: int, adj: int) -> None:
        self._send(f"prio {pid} {uid} {adj}")

    def remove(self, pid: int) -> None:
        self._send(f"remove {pid}")

    def switch(self, on: bool) -> None:
        self._send(f"killer {int(on)}")

    def set(self, setting: str) -> None:
        """Change one setting, ``name=value``."""
        self._send(f"set {setting}")

    def _send(self, text: str) -> None:
        try:
            self._sock.send(text.encode())
        except OSError:
            self._say("E", 0, "main", "lowmemorykiller", "the framework lost lmkd")

    def _listen(self) -> None:
        while message := self._sock.recv(MESSAGE_BYTES).decode(errors="replace"):
            word, _, rest = message.partition(" ")
            if word == "pid":
                self._pid = int(rest)
            elif word == "log":
                level, _, text = rest.partition(" ")
                self._say(level, self._pid, "main", "lowmemorykiller", text)
            elif word == "kill":
                self._tell(parse_kill(rest))

    def _tell(self, kill: Kill) -> None:
        """Write the event before the sentence, as a real lmkd does."""
        self._killed(kill)
        if self._sdk >= 30:
            self._say("I", self._pid, "events", "killinfo", kill_event(kill))
        for text in kill_line(kill, self._sdk).splitlines():
            self._say("I", self._pid, "main", "lowmemorykiller", text)


def parse_kill(text: str) -> Kill:
    """Read lmkd's report: eight words, the name, and the reason to the end of the line."""
    pid, uid, adj, min_adj, rss, swap, code, numbers, name, reason = text.split(" ", 9)
    return Kill(
        int(pid),
        int(uid),
        int(adj),
        int(min_adj),
        int(rss) * 1024,
        int(swap) * 1024,
        int(code),
        numbers,
        name,
        reason,
    )
