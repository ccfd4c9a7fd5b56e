"""The framework's own children and how it talks with them: the zygote, the apps, lmkd."""

import os
import queue
import socket
import threading
from collections.abc import Callable

CHILD_FD = 3
MESSAGE_BYTES = 512
APP_ANSWER_S = 300.0  # a verify of a whole heap that lies in a slow swap
ZYGOTE = "/system/bin/zygote64"
# The arguments that Android's init passes. Apps write their names over them, so the length of these
# words limits how much of a name shows.
ZYGOTE_WORDS = [
    "zygote64",
    "-Xzygote",
    "/system/bin",
    "--zygote",
    "--start-system-server",
    "--socket-name=zygote",
]


class AppGone(Exception):
    """The app died before it answered."""


def spawn(program: str, words: list[str], adj: int) -> socket.socket:
    """
    Start *program* in a session of its own with descriptor 3 connected to the returned socket.

    Raises:
        OSError: there is no such program.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.stat(program)
    pid = os.fork()
    if pid == 0:
        _become(program, words, theirs.fileno(), adj)
    os.waitpid(pid, 0)
    theirs.close()
    return ours


def _become(program: str, words: list[str], fd: int, adj: int) -> None:
    """Run *program* in an orphan of this process, which init adopts; never returns."""
    try:
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
        write_adj(os.getpid(), adj)
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1):
            os.dup2(null, stream)
        os.dup2(fd, CHILD_FD)
        os.closerange(CHILD_FD + 1, 64)
        os.execv(program, words)
    finally:
        os._exit(127)


def write_adj(pid: int, adj: int) -> bool:
    """Write /proc/PID/oom_score_adj; False when the process is gone."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "w") as file:
            file.write(str(adj))
    except OSError:
        return False
    return True


class Channel:
    """The command socket of one app: one question at a time, each with one answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.settimeout(APP_ANSWER_S)
        self._lock = threading.Lock()

    def ask(self, question: str) -> list[str]:
        """
        Return the words of the answer.

        Raises:
            AppGone: the app is dead, or does not answer.
        """
        with self._lock:
            try:
                self._sock.send(question.encode())
                answer = self._sock.recv(MESSAGE_BYTES)
            except OSError as error:
                raise AppGone(str(error)) from error
        if not answer:
            raise AppGone("hung up")
        return answer.decode().split()

    def close(self) -> None:
        self._sock.close()


class Zygote:
    """
    The process that forks all apps.

    Args:
        died: Called with pid and wait status for each app that ended, in a thread of the zygote's.
    """

    def __init__(self, died: Callable[[int, int], None]) -> None:
        self._died = died
        self._forked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._sock = spawn(ZYGOTE, ZYGOTE_WORDS, adj=-1000)
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(
        self, uid: int, heap_bytes: int, seed: int, name: str, *, debuggable: bool
    ) -> tuple[int, Channel]:
        """
        Fork an app that waits for its first command with its heap mapped and nothing in it.

        Raises:
            OSError: the zygote could not.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = f"fork {uid} {heap_bytes} {seed} {int(debuggable)} {name}"
        with self._lock, theirs:
            socket.send_fds(self._sock, [words.encode()], [theirs.fileno()])
            word, number = self._forked.get().split()
        if word != "pid":
            raise OSError(int(number), os.strerror(int(number)))
        return int(number), Channel(ours)

    def _listen(self) -> None:
        while message := self._sock.recv(MESSAGE_BYTES).decode():
            if message.startswith("died "):
                _, pid, status = message.split()
                threading.Thread(
                    target=self._died, args=(int(pid), int(status)), daemon=True
                ).start()
            else:
                self._forked.put(message)
