"""
The command line inside the test's process, for commands that end before a device is asked.

Starting a process takes a second of processor time. That proves nothing more, unless the process
itself (its streams, signals, imports) is tested.
"""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys

import pytest

from droidreclaim.cli.main import main


def droidreclaim(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``droidreclaim words...`` here; undo what it changed of signals and arguments."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            patch.setattr(sys, "argv", ["droidreclaim", *words])
            patch.setattr(sys, "stdin", io.StringIO())
            main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(list(words), code, out.getvalue(), err.getvalue())
