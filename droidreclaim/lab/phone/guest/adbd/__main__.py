"""Drop to the shell user unless told to stay root, then serve adb on port 5555."""

import asyncio
import ctypes
import functools
import os
import sys

from .forward import port_of, serve_port
from .shell import parse_request, serve_shell
from .sync import serve_sync
from .wire import Connection, Service, Stream

PORT = 5555
FEATURES = "shell_v2,stat_v2,fixed_push_mkdir"
SHELL_UID = 2000
# input, log, adb, sdcard_rw, sdcard_r, ext_data_rw, ext_obb_rw, net_bt_admin, net_bt, inet,
# net_bt_stats, readproc, uhid (AOSP daemon/main.cpp)
SHELL_GROUPS = (1004, 1007, 1011, 1015, 1028, 1078, 1079, 3001, 3002, 3003, 3006, 3009, 3011)
RESTART_AS_ROOT, RESTART_AS_SHELL, REBOOT = 10, 11, 12  # exit codes that init acts on
PR_SET_DUMPABLE = 4
FAREWELL_S = 0.2  # adb prints the answer, then sees the connection break


class Daemon:
    """
    The services and what they know of the phone.

    Args:
        build: ``user`` (no root for adbd), ``userdebug``.
    """

    def __init__(self, build: str) -> None:
        self._build = build
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """Serve until a service asks for an end; returns the exit code that tells init why."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(_banner(), self._find), "0.0.0.0", PORT
        )
        print("adbd: listening", file=sys.stderr, flush=True)
        async with server:
            return await self._exit

    def _find(self, name: str) -> Service | None:
        kind = name.partition(":")[0].partition(",")[0]
        if kind in ("shell", "exec"):
            return functools.partial(serve_shell, request=parse_request(name))
        if kind == "tcp" and (port := port_of(name)) is not None:
            return functools.partial(serve_port, port=port)
        plain = {
            "sync": serve_sync,
            "root": self._root,
            "unroot": self._unroot,
            "reboot": self._reboot,
        }
        return plain.get(kind)

    async def _root(self, stream: Stream) -> None:
        if os.getuid() == 0:
            await stream.write(b"adbd is already running as root\n")
        elif self._build == "user":
            await stream.write(b"adbd cannot run as root in production builds\n")
        else:
            await stream.write(b"restarting adbd as root\n")
            self._end(RESTART_AS_ROOT)

    async def _unroot(self, stream: Stream) -> None:
        if os.getuid() != 0:
            await stream.write(b"adbd not running as root\n")
        else:
            await stream.write(b"restarting adbd as non root\n")
            self._end(RESTART_AS_SHELL)

    async def _reboot(self, stream: Stream) -> None:
        self._end(REBOOT)
        await stream.gone.wait()

    def _end(self, code: int) -> None:
        def end() -> None:
            if not self._exit.done():
                self._exit.set_result(code)

        asyncio.get_running_loop().call_later(FAREWELL_S, end)


def _banner() -> bytes:
    properties = {}
    with open("/system/build.prop") as file:
        for line in file:
            name, _, value = line.strip().partition("=")
            properties[name] = value
    named = ("ro.product.name", "ro.product.model", "ro.product.device")
    text = ";".join(f"{name}={properties[name]}" for name in named)
    return f"device::{text};features={FEATURES}".encode()


def _become_shell() -> None:
    """
    Leave uid 0, and with it every capability.

    The kernel gives the /proc files of a process that changed its uid to root, in case the process
    holds secrets. Undo that: our children have to write their own oom_score_adj.
    """
    os.setgroups(SHELL_GROUPS)
    os.setresgid(SHELL_UID, SHELL_UID, SHELL_UID)
    os.setresuid(SHELL_UID, SHELL_UID, SHELL_UID)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1)


async def _main(build: str) -> int:
    return await Daemon(build).run()


if __name__ == "__main__":
    _, build, user = sys.argv
    if user != "root":
        _become_shell()
    os.umask(0)
    code = asyncio.run(_main(build))
    os._exit(code)  # init kills our children; waiting for them here would only delay it
