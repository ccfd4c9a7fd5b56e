"""Commands on a device without root, by the command line, against an adb server of our own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from zygote import run_warm

from adb_server import AdbServer

GETPROP = """#!/bin/sh
case $1 in
ro.product.model) echo 'Pixel 6';;
ro.build.version.sdk) echo 34;;
ro.product.cpu.abi) echo arm64-v8a;;
'') echo '[ro.product.model]: [Pixel 6]'; echo '[ro.build.version.sdk]: [34]';;
esac
"""
DUMPSYS = """#!/bin/sh
[ "$*" = "activity processes" ] || { echo "no such: $*"; exit 1; }
echo 'WARNING: linker: noise at each start' >&2
cat <<END
ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)
  All known processes:
  *APP* UID 10002 ProcessRecord{1 200:com.example.mail/u0a2}
    user #0 uid=10002 gids={}
    packageList={com.example.mail, com.example.addon}
    pid=200
    oom adj: max=1001 curRaw=905 setRaw=905 cur=905 set=905
  *APP* UID 10001 ProcessRecord{2 300:com.example.game/u0a1}
    user #0 uid=10001 gids={}
    packageList={com.example.game}
    pid=300
    oom adj: max=1001 curRaw=0 setRaw=0 cur=0 set=0
END
"""


@pytest.fixture
def droidreclaim(adb: AdbServer, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, of a user whose only device has no root."""
    if os.geteuid() != 0:
        message = "needs root to be an adbd that is not"
        pytest.fail(message) if os.environ.get("DROIDRECLAIM_REQUIRE") else pytest.skip(message)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"getprop": GETPROP, "dumpsys": DUMPSYS}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    for name in ("cat", "sh", "uname"):
        (programs / name).symlink_to(f"/bin/{name}")
    adb.environment = {"PATH": str(programs)}
    adb.uid = 2000
    words = ["-H", "127.0.0.1", "-P", str(adb.port)]
    environment = os.environ | {"DROIDRECLAIM_STATE_DIR": str(tmp_path / "state")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_warm([*words, *arguments], environment)

    return run


def test_ps_lists_what_activity_manager_tells_and_says_what_root_would_add(
    droidreclaim: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = droidreclaim("ps", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    rows = {one["name"]: one for one in document["processes"]}
    assert sorted(rows) == ["com.example.game", "com.example.mail"]
    mail = rows["com.example.mail"]
    assert (mail["pid"], mail["oom_score_adj"], mail["band"]) == (200, 905, "cached")
    assert mail["packages"] == ["com.example.mail", "com.example.addon"]
    assert (mail["rss_bytes"], mail["swap_bytes"]) == (None, None)
    assert document["source"] == "device"
    assert (document["device"]["model"], document["device"]["sdk"]) == ("Pixel 6", 34)
    assert "no root: adbd: uid 2000; su: not found" in done.stderr
    assert "root would add memory" in done.stderr


def test_ps_without_root_takes_the_same_choices(
    droidreclaim: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = droidreclaim("ps", "--band", "cached")
    assert done.returncode == 0, done.stderr
    assert "com.example.mail" in done.stdout
    assert "com.example.game" not in done.stdout
    assert droidreclaim("ps", "com.example.nobody").returncode == 7


def test_what_a_program_says_to_stderr_is_told_where_it_gives_no_answer(
    droidreclaim: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "dumpsys").write_text("#!/bin/sh\necho 'no binder today' >&2; exit 1\n")

    done = droidreclaim("ps")

    assert done.returncode == 5
    assert "no binder today" in done.stderr


def test_a_page_out_without_root_names_what_needs_none(
    droidreclaim: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = droidreclaim("reclaim", "--band", "cached")
    assert done.returncode == 4
    assert "no root" in done.stderr
    assert "--backend am_compact" in done.stderr
    assert "--how trim" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_memory_of_a_real_device_is_made_short_only_when_somebody_said_yes(
    droidreclaim: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    refused = droidreclaim("pressure")
    assert refused.returncode == 2
    assert "a real device: apps will be killed" in refused.stderr
    assert droidreclaim("pressure", "--yes").returncode == 4  # no root: it got as far as that
