"""An adb server of many devices: none has root, and each answers in its own name after 50 ms."""

from __future__ import annotations

import time

from adb_server import EXIT, STDERR, STDOUT, AdbServer, Peer, packet

TRIP_S = 0.05
PROCESSES = """ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)
  All known processes:
  *APP* UID 10002 ProcessRecord{{1 {pid}:com.example.mail/u0a2}}
    user #0 uid=10002 gids={{}}
    packageList={{com.example.mail}}
    pid={pid}
    oom adj: max=1001 curRaw=905 setRaw=905 cur=905 set=905
"""
PROPERTIES = "[ro.product.model]: [Pixel 6]\n[ro.build.version.sdk]: [34]\n"
IDENTITY = "Uid:\t2000\t2000\t2000\t2000\nCapEff:\t0000000000000000\nsu: \n"


class Desk:
    """Devices without root: each answers in its own name, after 50 ms."""

    def __init__(self, adb: AdbServer, count: int) -> None:
        self.adb = adb
        self.serials = [f"D{number:02}" for number in range(count)]
        self.silent: set[str] = set()
        self.attach(*self.serials)
        adb.handlers["host:transport-id:"] = self._choose

    def _choose(self, peer: Peer, request: str) -> None:
        number = int(request.rpartition(":")[2])
        peer.okay()
        line = peer.request().removeprefix("shell,v2,raw:")
        self.adb.requests.append(line)
        peer.okay()
        time.sleep(60 if self.serials[number] in self.silent else TRIP_S)
        for words, text in (
            ("/proc/self/status", IDENTITY),
            ("dumpsys activity processes", PROCESSES.format(pid=200 + number)),
            ("uname", "6.1.0\n"),
            ("getprop", PROPERTIES),
        ):
            if words in line:
                peer.send(packet(STDOUT, text.encode()) + packet(EXIT, b"\0"))
                return
        peer.send(packet(STDERR, b"not here\n") + packet(EXIT, b"\x7f"))

    def attach(self, *serials: str) -> None:
        """Have the devices *serials* attached, and no others."""
        self.adb.devices = "".join(
            f"{one} device model:Pixel_6 transport_id:{self.serials.index(one)}\n"
            for one in serials
        )
