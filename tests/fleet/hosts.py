"""Two hosts behind ssh, on this machine: sshd with keys, ports and folders of their own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stand_ins import until

ROOT = Path(__file__).parents[2]
# The tool of a host; what is no command of the fleet goes to the stand-in, where there is one.
_TOOL = """#!/bin/sh
case " $* " in {real}) exec {python} -P -m droidreclaim "$@" ;; esac
exec {job} "$@"
"""
_ADDRESSES = {"lab1": "127.0.0.2", "lab2": "127.0.0.3"}


def missing() -> str | None:
    """What is not here that two hosts need, as the reason of a skip."""
    return None if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") else "no sshd"


class Hosts:
    """
    Two names for ssh, each with an sshd at an address of its own; `close` ends both.

    Args:
        job: Stand-in for the tool at its jobs; None for the tool itself.
        env: Of each host, besides where its state is.
    """

    def __init__(self, folder: Path, job: str | None, **env: str) -> None:
        self.folder = folder
        self.env = {"PYTHONPATH": str(ROOT), **env}
        self.sshd: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("hostkey", "key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(words, check=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd gives up its rights
        config = [
            *("Host *", f"IdentityFile {folder}/key", "StrictHostKeyChecking no"),
            *(f"UserKnownHostsFile {folder}/known", f"User {getpass.getuser()}"),
        ]
        for name, address in _ADDRESSES.items():
            port = self._listen(name, address)
            config += [f"Host {name}", f"HostName {address}", f"Port {port}"]
        (folder / "config").write_text("\n".join(config) + "\n", encoding="utf-8")
        self.bin = folder / "bin"
        self.bin.mkdir()
        ssh = shutil.which("ssh")
        self._script(self.bin / "ssh", f'#!/bin/sh\nexec {ssh} -F {folder}/config "$@"\n')
        self.tool = folder / "droidreclaim"
        real = "*" if job is None else '*" fleet "*'
        self._script(self.tool, _TOOL.format(python=sys.executable, real=real, job=job))

    def stop(self, name: str) -> None:
        """End a host's sshd and every connection of it, at once."""
        psutil = pytest.importorskip("psutil")
        server = psutil.Process(self.sshd[name].pid)
        for one in [server, *server.children(recursive=True)]:
            if one.name().startswith("sshd"):
                one.send_signal(signal.SIGKILL)
        self.sshd[name].wait()

    def close(self) -> None:
        """End both."""
        for one in self.sshd.values():
            one.terminate()
            one.wait()

    def state(self, name: str) -> Path:
        """Where a host has its leases and phones."""
        return self.folder / f"state-{name}"

    def _listen(self, name: str, address: str) -> int:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
        env = self.env | {"DROIDRECLAIM_STATE_DIR": str(self.state(name))}
        lines = [
            *(f"Port {port}", f"ListenAddress {address}", f"HostKey {self.folder}/hostkey"),
            f"SetEnv {' '.join(f'{key}={value}' for key, value in env.items())}",
            *(f"AuthorizedKeysFile {self.folder}/key.pub", "StrictModes no", "UsePAM no"),
            *("PasswordAuthentication no", f"PidFile {self.folder}/{name}.pid"),
        ]
        file = self.folder / f"{name}.conf"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        with (self.folder / f"{name}.log").open("wb") as said:
            self.sshd[name] = subprocess.Popen([program, "-D", "-e", "-f", str(file)], stderr=said)
        until((self.folder / f"{name}.pid").exists)
        return port

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def listening(pid: int) -> set[str]:
    """The addresses that a process and all below it listen on."""
    psutil = pytest.importorskip("psutil")
    parent = psutil.Process(pid)
    return {
        connection.laddr.ip
        for one in [parent, *parent.children(recursive=True)]
        for connection in one.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }


def processes(folder: Path) -> list[str]:
    """Command lines of what a fleet has started that has its state below *folder*."""
    return [" ".join(one.info["cmdline"]) for one in _started(folder)]


def ports(folder: Path) -> set[tuple[str, int]]:
    """Where all of that listens."""
    return {
        (each.laddr.ip, each.laddr.port)
        for one in _started(folder)
        for each in one.net_connections()
        if each.status == "LISTEN"
    }


def refused(address: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0


def _started(folder: Path) -> list[Any]:
    psutil = pytest.importorskip("psutil")
    found = []
    for one in psutil.process_iter(["cmdline", "environ"]):
        state = Path((one.info["environ"] or {}).get("DROIDRECLAIM_STATE_DIR", ""))
        words = " ".join(one.info["cmdline"] or ())
        adb = " nodaemon server" in words  # the test's own
        if words and not adb and state.is_relative_to(folder):
            found.append(one)
    return found
