"""
A phone that is this machine: the real helper and guard as root, real processes as its apps.

What only Android has (properties, who runs what, its log) stands in a folder of the test's own, as
scripts and files; memory, processes and their ends are real.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adb_server import AdbServer
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.root import RootWay, default_memory
from droidreclaim.device.server import Server
from droidreclaim.errors import NoDevice
from droidreclaim.helper.bundle import load_bundle
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.deploy import Places
from droidreclaim.helper.launch import start_helper
from droidreclaim.helper.session import HelperSession
from droidreclaim.session import Phone
from droidreclaim.session.root import Search

# The machine's other processes are seen as well, those of other tests among them.
OWN = f"com.bench{os.getpid()}"
FIRST_UID = 13_000 + os.getpid() % 5000 * 10  # this worker's own: others run such apps beside it
# Under its uid and name, with so many MiB, until it is told to end.
_APP = """
import mmap, os, sys
uid, adj, mib = map(int, sys.argv[1:4])
open("/proc/self/oom_score_adj", "w").write(str(adj))
os.setgid(uid); os.setuid(uid)
block = mmap.mmap(-1, mib << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, mib << 20, 4096): block[at:at + 8] = b"x%07d" % (at >> 12)
print("ready", flush=True)
sys.stdin.read()
"""
_GETPROP = """#!/bin/sh
case "$1" in
ro.product.cpu.abilist) echo x86_64,arm64-v8a;;
ro.build.version.sdk) echo 33;;
ro.product.model) echo Bench Phone;;
'') echo '[ro.build.version.sdk]: [33]'; echo '[ro.product.model]: [Bench Phone]';;
esac
"""
_DUMPSYS = """#!/bin/sh
case "$*" in
'activity processes') echo 'ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)'
  echo '  All known processes:'; cat {home}/records;;
*) exit 1;;
esac
"""
_LOGCAT = "#!/bin/sh\ntouch {home}/log; exec tail -n 0 -F {home}/log 2>/dev/null\n"
_RECORD = """  *APP* UID {uid} ProcessRecord{{{pid:x} {pid}:{name}/u0a{app}}}
    user #0 uid={uid} gids={{}}
    packageList={{{package}}}
    pid={pid}
    oom adj: max=1001 curRaw={adj} setRaw={adj} cur={adj} set={adj}
"""


class BenchApp:
    """One process of an app; killed at the end of the test."""

    def __init__(self, name: str, uid: int, adj: int, mib: int) -> None:
        self.name, self.uid, self.adj = name, uid, adj
        words = [name, "-c", _APP, str(uid), str(adj), str(mib)]
        self.process = subprocess.Popen(
            words, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def record(self) -> str:
        """Return the app's part of ``dumpsys activity processes``."""
        return _RECORD.format(
            uid=self.uid, pid=self.pid, app=self.uid - 10_000, adj=self.adj,
            name=self.name, package=self.name.partition(":")[0],
        )  # fmt: skip

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Bench:
    """The machine as a phone, with its apps."""

    def __init__(self, adb: AdbServer, home: Path) -> None:
        self.adb, self.home = adb, home
        self.apps: list[BenchApp] = []
        self.lost = False
        programs = home / "bin"
        programs.mkdir()
        dmesg = "#!/bin/sh\n"
        for name, text in (
            ("getprop", _GETPROP), ("dumpsys", _DUMPSYS), ("logcat", _LOGCAT), ("dmesg", dmesg),
        ):  # fmt: skip
            (programs / name).write_text(text.replace("{home}", str(home)))
            (programs / name).chmod(0o755)
        (home / "records").write_text("")
        adb.environment = {"PATH": f"{programs}:{os.environ['PATH']}"}

    def start(self, name: str, *, adj: int, mib: int = 8) -> BenchApp:
        """Start an app, and have ActivityManager know of it."""
        package = name.partition(":")[0]
        known = [app for app in self.apps if app.name.partition(":")[0] == package]
        uid = known[0].uid if known else FIRST_UID + len(self.apps)
        app = BenchApp(name, uid, adj, mib)
        self.apps.append(app)
        records = "".join(one.record() for one in self.apps if one.process.poll() is None)
        (self.home / "records").write_text(records)
        return app

    def log(self, line: str) -> None:
        """Have the device's log say *line*."""
        with (self.home / "log").open("a") as log:
            log.write(line + "\n")

    def phone(self) -> BenchPhone:
        """The phone, connected; raises NoDevice while it is *lost*."""
        if self.lost:
            raise NoDevice("R58M12: no device R58M12")
        address = Server("127.0.0.1", self.adb.port)
        (attached,) = list_devices(address, 5)
        return BenchPhone(AdbDevice(address, attached), Places(home=str(self.home / "place")))

    def programs(self, kind: str) -> list[int]:
        """Pids of our programs of a kind that run on the phone."""
        place, found = f"{self.home / 'place'}/{kind}", []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(path / "exe").startswith(place):
                    found.append(int(path.name))
        return found

    def lose(self) -> None:
        """Break every connection, as an unplugged cable does."""
        self.lost = True
        self.adb.hang_up()

    def close(self) -> None:
        for app in self.apps:
            app.kill()


class BenchPhone(Phone):
    """A phone whose programs lie in a folder of the test's own."""

    def __init__(self, device: AdbDevice, places: Places) -> None:
        search = Search(device, default_memory(), 5.0, False)
        super().__init__(device, search, timeout_s=10)
        self._places = places

    def another(self) -> BenchPhone:
        return BenchPhone(self._device, self._places)

    def _start(self, kind: str) -> tuple[RootWay, RunningHelper]:
        bundle = load_bundle(kind=kind)
        started = start_helper(
            self._device, RootWay.ADBD, bundle, ("serve", "heartbeat_ms=30000"), timeout_s=10,
            places=self._places,
        )  # fmt: skip
        session = HelperSession(started.channel, serial=self.serial, timeout_s=10)
        running = RunningHelper(session, self.serial, "Bench Phone", 33, bundle.build, self._device)
        return RootWay.ADBD, running


@contextmanager
def bench_phone(home: Path) -> Iterator[Bench]:
    """The machine as a phone for the length of a block; skips where that cannot be."""
    if os.geteuid() != 0:
        # Here: the programs of terminal tests start with 0.15 s of processor less.
        import pytest  # noqa: PLC0415

        message = "needs root to be another app's uid"
        pytest.fail(message) if os.environ.get("DROIDRECLAIM_REQUIRE") else pytest.skip(message)
    with AdbServer() as adb:
        bench = Bench(adb, home)
        try:
            yield bench
        finally:
            bench.close()
