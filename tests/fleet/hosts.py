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

import pytest

from stand_ins import until

ROOT = Path(__file__).parents[2]
# The tool of a host; what is no command of the fleet goes to the stand-in, where there is one.
_TOOL = """#!/bin/sh
export PYTHONPATH={root} DROIDRECLAIM_STATE_DIR={state}
case " $* " in *" fleet "*) exec {python} -P -m droidreclaim "$@" ;; esac
exec {job} "$@"
"""


def missing() -> str | None:
    """What is not here that two hosts need, as the reason of a skip."""
    return None if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") else "no sshd"


class Hosts:
    """Two names for ssh, each with an sshd; `close` ends both."""

    def __init__(self, folder: Path, job: str) -> None:
        self.folder = folder
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
        for name in ("lab1", "lab2"):
            port = self._listen(name)
            config += [f"Host {name}", "HostName 127.0.0.1", f"Port {port}"]
        (folder / "config").write_text("\n".join(config) + "\n", encoding="utf-8")
        self.bin = folder / "bin"
        self.bin.mkdir()
        real = shutil.which("ssh")
        self._script(self.bin / "ssh", f'#!/bin/sh\nexec {real} -F {folder}/config "$@"\n')
        self.tool = folder / "droidreclaim"
        state = folder / "state"
        self._script(
            self.tool, _TOOL.format(root=ROOT, state=state, python=sys.executable, job=job)
        )

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

    def _listen(self, name: str) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        lines = [
            *(f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {self.folder}/hostkey"),
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
    """Command lines of processes that name a folder, or are workers of a fleet begun from there."""
    psutil = pytest.importorskip("psutil")
    found = []
    for one in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(one.info["cmdline"] or ())
        ours = (one.info["environ"] or {}).get("DROIDRECLAIM_STATE_DIR", "")
        if str(folder) in ours and ("fleet" in words or "distributed" in words):
            found.append(words)
    return found
