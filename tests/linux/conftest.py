"""The real helper on real processes of this machine, with zram as swap."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "device-scripts"
MIB = 1 << 20
ZRAM = Path("/sys/block/zram0")
MEMCG = Path("/sys/fs/cgroup/memory")
BACKGROUND_ADJ = 900
APP_UID = 10123
# A page that waits to be put on an LRU list cannot be taken off it: 31 a CPU (mm/swap.c,
# folio_batch), and this machine's CPUs each have had a moment to touch the victim.
WAITING = 31 * 4096 * (os.cpu_count() or 1)
ALWAYS = "available_bytes=1125899906842624"  # a PiB: memory is missing whatever there is
NEVER = "available_bytes=1"


def missing(reason: str) -> NoReturn:
    """Skip the test; where every test is required to run, this is a failure."""
    pytest.skip(reason)


def load_build_script() -> ModuleType:
    """hatch_build.py, which lies beside the package and not in it."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built_from(listing: Path) -> str | None:
    """The hash of the sources that a list of programs was built from."""
    return str(json.loads(listing.read_text())["build"]) if listing.exists() else None


@pytest.fixture(scope="session")
def helpers() -> dict[str, Path]:
    """The built helper of every ABI, built now when the sources are newer."""
    script = load_build_script()
    folder = ROOT / script.HELPER_BINARIES
    lists = {
        "helpers.json": script.HELPER_FOLDERS,
        "guards.json": script.GUARD_FOLDERS,
        "pressures.json": script.PRESSURE_FOLDERS,
    }
    if any(
        built_from(folder / name) != script.source_hash(SOURCES, folders)
        for name, folders in lists.items()
    ):
        script.build_helpers(ROOT)
    return {abi: folder / abi / "droidreclaim-helper" for abi in script.HELPER_TARGETS}


@pytest.fixture(scope="session")
def helper(helpers: dict[str, Path]) -> Path:
    """The helper of this machine's ABI."""
    abi = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}.get(os.uname().machine)
    if abi is None:
        missing(f"no helper is built for {os.uname().machine}")
    return helpers[abi]


@pytest.fixture
def guard(helper: Path, tmp_path: Path) -> Iterator[Guard]:
    """Return the guard of this machine's ABI in its own home; it is ended after the test."""
    require_root()
    it = Guard(helper.with_name("droidreclaim-guard"), tmp_path / "home")
    yield it
    it.kill()


def require_root() -> None:
    """Skip without root: only root may page out processes of other users."""
    if os.geteuid() != 0:
        missing("needs root")


def swap_bytes() -> tuple[int, int]:
    """Total and free swap."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(fields[key].split()[0]) * 1024 for key in ("SwapTotal", "SwapFree"))
    return total, free


class Zram:
    """An unused zram device as swap, in sizes a test asks for."""

    def enable(self, size_bytes: int = 2 << 30, limit_bytes: int = 0) -> None:
        """Start over as swap of *size_bytes*, with at most *limit_bytes* of memory behind it."""
        self.disable()
        (ZRAM / "disksize").write_text(str(size_bytes))
        (ZRAM / "mem_limit").write_text(str(limit_bytes))
        subprocess.run(["mkswap", "/dev/zram0"], check=True, capture_output=True)
        subprocess.run(["swapon", "/dev/zram0"], check=True)

    def disable(self) -> None:
        """Stop swapping to zram0, and reset it."""
        if "/dev/zram0" in Path("/proc/swaps").read_text():
            subprocess.run(["swapoff", "/dev/zram0"], check=True)
        (ZRAM / "reset").write_text("1")

    def stat(self, name: str, column: int) -> int:
        """A number of mm_stat or io_stat."""
        return int((ZRAM / name).read_text().split()[column])


@pytest.fixture(scope="session")
def zram_device() -> Iterator[Zram]:
    """zram0, when nobody uses it; one test run at a time."""
    require_root()
    if not ZRAM.exists():
        missing("this kernel has no zram0 (modprobe zram)")
    with (Path(tempfile.gettempdir()) / "droidreclaim-zram.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if swap_bytes()[0] or (ZRAM / "disksize").read_text().strip() != "0":
            missing("zram0 or some other swap is in use")
        device = Zram()
        yield device
        device.disable()


@pytest.fixture
def zram(zram_device: Zram) -> Zram:
    """2 GiB of empty zram swap."""
    if swap_bytes() != (2 * 1024 * MIB - 4096,) * 2 or zram_device.stat("io_stat", 1):
        zram_device.enable()
    return zram_device


@pytest.fixture
def no_swap(zram_device: Zram) -> None:
    """No swap for the length of a test."""
    zram_device.disable()


@dataclass(frozen=True)
class Reply:
    """A whole reply; count and CRC were compared."""

    lines: list[dict[str, Any]]
    end: dict[str, Any]

    def only(self, kind: str) -> dict[str, Any]:
        """The single line of a type."""
        (line,) = (line for line in self.lines if line["t"] == kind)
        return line

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every line of a type."""
        return [line for line in self.lines if line["t"] == kind]


def read_reply(stream: IO[bytes]) -> Reply | None:
    """Read the next reply; None where the stream ends inside it."""
    lines: list[dict[str, Any]] = []
    crc = 0
    for raw in stream:
        if not raw.endswith(b"\n"):
            return None
        line = json.loads(raw.decode("utf-8"))
        assert list(line)[:2] == ["id", "t"]
        if line["t"] == "end":
            assert line["lines"] == len(lines)
            assert line["crc"] == f"{crc:08x}"
            return Reply(lines, line)
        assert len(raw) <= 65536
        lines.append(line)
        crc = zlib.crc32(raw, crc)
    return None


def ask(helper: Path, *words: str) -> Reply:
    """A one-shot request."""
    run = subprocess.run([helper, *words], capture_output=True, timeout=60, check=False)
    reply = read_reply(io.BytesIO(run.stdout))
    assert reply is not None, (run.returncode, run.stdout[-200:], run.stderr)
    assert run.returncode == (0 if reply.end["ok"] else 1)
    return reply


class Session:
    """``serve`` with a pipe at each end."""

    def __init__(self, helper: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [helper, "serve", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def send(self, line: str) -> None:
        """Write one request."""
        self.stdin.write(line.encode() + b"\n")
        self.stdin.flush()

    def reply(self) -> Reply | None:
        """Read one reply."""
        return read_reply(self.stdout)

    def ended_within(self, seconds: float = 30.0) -> bool:
        """Tell whether the process ended in time; the default is long enough for a busy machine."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End it, whatever its state."""
        self.process.kill()
        self.process.wait()
        self.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()


@pytest.fixture
def sessions(helper: Path) -> Iterator[Any]:
    """Return a function that opens sessions, and end those that are still open."""
    opened: list[Session] = []

    def start(*words: str) -> Session:
        opened.append(Session(helper, *words))
        return opened[-1]

    yield start
    for session in opened:
        session.close()


@pytest.fixture
def members(group: Path, victim_program: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts victims in the group, so that their memory is charged to it."""
    program = tmp_path / "member"
    program.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec {victim_program} "$@"\n')
    program.chmod(0o755)
    started: list[Victim] = []

    def start(*words: str) -> Victim:
        started.append(Victim(program, *words))
        return started[-1]

    yield start
    for victim in started:
        victim.kill()


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Return when *condition* holds; fail after *timeout_s*, long also for a busy machine."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Guard:
    """The guard program in *home*, of which at most one daemon runs."""

    def __init__(self, program: Path, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.program = self.starter = Path(shutil.copy(program, home))
        self.home = home

    def ask(self, *words: str) -> Reply:
        """Make a one-shot request, and return the reply."""
        return ask(self.program, *words)

    def try_start(
        self, when: str, *rules: str, for_s: int = 120, name: str = "test", more: str = ""
    ) -> Reply:
        """Send a profile that must be right and guard_start, and return the answer to that."""
        session = Session(self.starter)
        try:
            lines = [f"guard_when {when}", *(f"guard_rule {rule}" for rule in rules)]
            for number, line in enumerate(lines):
                session.send(f"{number} {line}")
                reply = session.reply()
                assert reply is not None
                assert reply.end["ok"], reply.end
            session.send(f"s guard_start name={name} for_s={for_s} {more}".rstrip())
            reply = session.reply()
            assert reply is not None
            return reply
        finally:
            session.close()

    def start(
        self, when: str, *rules: str, for_s: int = 120, name: str = "test", more: str = ""
    ) -> int:
        """Start a guard, end the session that started it, and return the guard's pid."""
        reply = self.try_start(when, *rules, for_s=for_s, name=name, more=more)
        assert reply.end["ok"], reply.end
        return int(reply.only("guard")["pid"])

    def status(self) -> dict[str, Any]:
        """The line of the guard."""
        reply = self.ask("guard_status")
        assert reply.end["ok"], reply.end
        return reply.only("guard")

    def runs(self) -> bool:
        """Tell whether a guard runs."""
        return bool(self.status()["running"])

    def app(self, pid: int) -> dict[str, Any]:
        """The line of one process."""
        (line,) = (line for line in self.ask("guard_status").all("app") if line["pid"] == pid)
        return line

    def forgot(self, pid: int) -> bool:
        """Whether it has no line of that process."""
        return all(line["pid"] != pid for line in self.ask("guard_status").all("app"))

    def events(self, what: str | None = None) -> list[dict[str, Any]]:
        """The log, or its events of one kind."""
        lines = self.ask("guard_log").all("event")
        return [line for line in lines if what in (None, line["what"])]

    def wakes_at_most(self, a_second: float, window_s: float = 5.0) -> None:
        """
        Wait for *window_s* seconds in which the guard woke at most *a_second* times a second.

        Memory that moves and apps that come or go wake it rightly, also those of other tests.
        """

        def is_quiet() -> bool:
            before = self.status()["wakeups"]
            time.sleep(window_s)
            return bool(self.status()["wakeups"] - before - 1 <= a_second * window_s)

        until(is_quiet)

    def actions(self) -> list[int]:
        """Pids that were acted on, in order."""
        return [line["pid"] for line in self.events("action")]

    def kill(self) -> None:
        """Send SIGKILL to the guard that runs, if one does."""
        if self.runs():
            os.kill(self.status()["pid"], signal.SIGKILL)
            until(lambda: not self.runs())


class Victim:
    """A child that can verify each of its bytes; with a name it has an app's uid as well."""

    def __init__(self, program: Path, *words: str, name: str | None = None) -> None:
        uid = (f"uid={APP_UID}",) if name else ()
        self.process = subprocess.Popen(
            [name or str(program), *uid, *words],
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        while (line := self._line()) != "ready":
            self.said.append(line)
        self.set_adj(BACKGROUND_ADJ)

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the victim died"
        return line.strip()

    def _command(self, word: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self._line()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def start(self) -> int:
        return start_ticks(self.pid)

    def target(self, floor: int = 700) -> str:
        """Return the victim as a target in a request to the helper."""
        return f"{self.pid}:{self.start}:{floor}"

    def set_adj(self, adj: int) -> None:
        Path(f"/proc/{self.pid}/oom_score_adj").write_text(str(adj))

    def memory(self, key: str) -> int:
        """A size of status, in bytes."""
        return status_bytes(self.pid, key)

    def bad_pages(self) -> int:
        """Pages that do not hold what was written."""
        return int(self._command("check").split()[1])

    def touch(self) -> None:
        """Touch every page, which brings all of them back into memory."""
        self._command("touch")

    def touch_some(self, first_page: int, pages: int) -> None:
        """Touch these pages of its first area."""
        self._command(f"some {first_page} {pages}")

    def major_faults(self) -> int:
        """Return how often it has waited for a page."""
        text = Path(f"/proc/{self.pid}/stat").read_bytes()
        return int(text[text.rindex(b")") :].split()[10])

    def longest_stall_us(self) -> int:
        """Longest wait for an mmap of the thread ``mapper`` since this was last asked."""
        return int(self._command("stall").split()[1])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


def start_ticks(pid: int) -> int:
    """Start time of a process, in clock ticks since boot."""
    text = Path(f"/proc/{pid}/stat").read_bytes()
    return int(text[text.rindex(b")") :].split()[20])


def status_bytes(pid: int, key: str) -> int:
    """A size of /proc/PID/status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def wait_for_state(pid: int, state: str) -> None:
    """Wait until stat shows the state."""
    for _ in range(200):
        text = Path(f"/proc/{pid}/stat").read_bytes()
        if text[text.rindex(b")") + 2 : text.rindex(b")") + 3] == state.encode():
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} never got into state {state}")


@pytest.fixture(scope="session")
def victim_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The victim, compiled with what this machine has."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        missing("no C compiler for the tests' own programs")
    program = tmp_path_factory.mktemp("victim") / "victim"
    source = Path(__file__).with_name("victim.c")
    subprocess.run([compiler, "-O2", "-pthread", "-o", program, source], check=True)
    return program


@pytest.fixture
def victims(victim_program: Path) -> Iterator[Any]:
    """Starts victims and ends them."""
    started: list[Victim] = []

    def start(*words: str, name: str | None = None) -> Victim:
        require_root()
        started.append(Victim(victim_program, *words, name=name))
        return started[-1]

    yield start
    for victim in started:
        victim.kill()


def rmdir(group: Path) -> None:
    """Remove a group whose processes have just been killed."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
    raise AssertionError(f"{group} cannot be removed")


@pytest.fixture
def group() -> Iterator[Path]:
    """A memory cgroup of our own."""
    require_root()
    if not (MEMCG / "memory.force_empty").exists() and not (MEMCG / "cgroup.procs").exists():
        missing("no memory cgroup of version 1 here")
    path = MEMCG / f"droidreclaim-{os.getpid()}"
    path.mkdir()
    yield path
    for child in path.iterdir():
        if child.is_dir():
            rmdir(child)
    rmdir(path)
