"""
Command lines in forks of one process that has imported everything: a tenth of a second each.

`run_warm` is what most tests call: one warm process serves a whole test run. What a claim about the
process itself needs (signals, a terminal, what is imported) is run in a process of its own.

A fork begins as the interpreter begins a program: with standard streams of its own (``None`` where
a descriptor is closed), its own environment and working directory. It ends as Python ends a
program, with a last flush. A test in ``test_cli_kinds.py`` holds that to a process of its own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import droidreclaim
from droidreclaim.cli import app
from droidreclaim.cli.main import main

STDOUTS = ("file", "full", "gone", "closed", "none at all")
_TIMEOUT_S = 60.0


class Zygote:
    """The warm process, and what asks it for forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        stdout: str = "file",
        cwd: Path | None = None,
        timeout_s: float = _TIMEOUT_S,
        body: str | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """
        Run ``droidreclaim words...``.

        Args:
            cwd: Made, entered and removed.
            body: What to run in place of every command.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            job = {
                "words": list(words), "environment": dict(environment), "stdout": stdout,
                "out": out.name, "err": err.name, "cwd": str(cwd) if cwd else None,
                "timeout_s": timeout_s, "body": body,
            }  # fmt: skip
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(list(words), code, out.read(), err.read())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def kill(self) -> None:
        """End it and its fork, in the middle of whatever they do."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class _Warm:
    """The zygote of a whole test run, begun when it is first asked for a fork."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._zygote: Zygote | None = None
        atexit.register(self._end)

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run ``droidreclaim words...`` in a fork.

        While another thread has one running, it is a process of its own: two are two at once.
        """
        environment = os.environ if environment is None else environment
        if not self._one_at_a_time.acquire(blocking=False):
            return subprocess.run(
                [sys.executable, "-m", "droidreclaim", *words],
                capture_output=True, text=True, check=False, env=environment, timeout=timeout_s,
            )  # fmt: skip
        try:
            self._zygote = self._zygote or Zygote()
            done = self._zygote.run(words, environment, timeout_s=timeout_s)
        except BaseException:
            self._end()  # of a test that was given up: its answer would be taken for the next's
            raise
        finally:
            self._one_at_a_time.release()
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def _end(self) -> None:
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote = None


run_warm = _Warm().run


def _serve() -> None:
    for module in pkgutil.walk_packages(droidreclaim.__path__, "droidreclaim."):
        if "guest" not in module.name and not module.name.endswith(("__main__", "pytest_plugin")):
            importlib.import_module(module.name)
    replies = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        replies.write(f"{_ended(json.loads(line))}\n")
        replies.flush()


def _ended(job: Mapping[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        code = 121
        try:
            _enter(job)
            if job["body"] is not None:
                _replace_commands(job["body"])
            code = _run(job["words"])
        finally:
            os._exit(code)
    until = time.monotonic() + job["timeout_s"]
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _enter(job: Mapping[str, Any]) -> None:
    """Become what a shell would have started."""
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(job["environment"])
    time.tzset()
    stdout = {"full": "/dev/full"}.get(job["stdout"], job["out"])
    for number, path in enumerate(("/dev/null", stdout, job["err"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    if job["stdout"] == "gone":
        reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.close(reading)
        os.close(writing)
    for number in {"closed": (1,), "none at all": (0, 1, 2)}.get(job["stdout"], ()):
        os.close(number)
    if job["cwd"]:
        os.mkdir(job["cwd"])
        os.chdir(job["cwd"])
        os.rmdir(job["cwd"])
    encoding = job["environment"].get("PYTHONIOENCODING", "utf-8")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _stream(number, encoding))


def _stream(number: int, encoding: str) -> Any:
    try:
        os.fstat(number)
    except OSError:
        return None
    return open(
        number,
        "r" if number == 0 else "w",
        encoding=encoding,
        errors="backslashreplace" if number == 2 else "strict",
        closefd=False,
    )


def _replace_commands(body: str) -> None:
    names: dict[str, Any] = {}
    exec(f"def run(words):\n    {body}\n", names)
    app.run = names["run"]


def _run(words: Sequence[str]) -> int:
    sys.argv = ["droidreclaim", *words]
    try:
        main()
        code: Any = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Exception ignored while flushing sys.stdout: {error}\n")
        code = 120
    sys.stderr.flush()
    return int(code or 0)


if __name__ == "__main__":
    _serve()
