"""A phone boots as configured, survives a reboot, and leaves nothing when it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.errors import DeviceTimeout, DroidReclaimError, NoDevice, NotPossible, UsageError
from droidreclaim.lab.phone import qemu, vm
from droidreclaim.lab.phone.state import Config, state_dir
from droidreclaim.units import MIB
from handset import Handset, free_port, until

pytestmark = pytest.mark.phone


def test_swap_is_zram_of_the_size_asked_for(phone: Handset) -> None:
    row = phone.text("tail -n 1 /proc/swaps").split()
    assert row[:2] == ["/dev/zram0", "partition"]
    assert abs(int(row[2]) * 1024 - phone.phone.config.zram_bytes) <= 8192  # the header's page
    assert "[lz4]" in phone.text("cat /sys/block/zram0/comp_algorithm")


def test_pressure_cgroups_and_the_real_kernel_are_there(phone: Handset) -> None:
    assert phone.text("head -c 4 /proc/pressure/memory") == "some"
    assert "memory" in phone.text("cat /sys/fs/cgroup/cgroup.controllers").split()
    assert len(phone.text("cat /proc/sys/kernel/random/boot_id")) == 36
    assert "[madvise]" in phone.text("cat /sys/kernel/mm/transparent_hugepage/enabled")


def test_the_tree_is_androids(phone: Handset) -> None:
    assert phone.text("stat -c %a:%u:%g /data/local/tmp /data/local /data/system").split() == [
        *("771:2000:2000", "751:0:0", "775:1000:1000")
    ]
    assert phone.text("readlink -f /system/bin/sh").endswith("mksh")
    phone.text("cp /system/bin/toybox /sdcard/toybox && chmod 755 /sdcard/toybox")
    assert b"ermission denied" in phone.shell("/sdcard/toybox true; rm /sdcard/toybox").stderr


def test_ps_prints_androids_columns(phone: Handset) -> None:
    header, *rows = phone.text("ps -A").splitlines()
    assert header.split() == ["USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"]
    assert any(row.split()[:3] == ["root", "1", "0"] for row in rows)
    assert phone.text("ps -A -o PID,ARGS").split()[:2] == ["PID", "ARGS"]


def test_the_clock_is_the_hosts(phone: Handset) -> None:
    assert abs(int(phone.text("date +%s")) - time.time()) < 30


def test_a_phone_takes_the_place_of_one_that_was_killed(boot: Callable[..., Handset]) -> None:
    killed = boot().phone
    os.kill(killed.pid, signal.SIGKILL)
    os.waitpid(killed.pid, 0)  # its port is free
    next_one = boot(port=killed.port)
    assert next_one.text("getprop sys.boot_completed") == "1"


def is_listed(handset: Handset) -> bool:
    """Whether the adb server has an entry for it, whatever its state."""
    listed = subprocess.run([handset.adb, "devices"], capture_output=True, timeout=10, check=True)
    return handset.serial.encode() in listed.stdout


def test_stop_leaves_no_process_no_port_and_no_entry(boot: Callable[..., Handset]) -> None:
    handset = boot(ram_bytes=256 * MIB, zram_bytes=0)
    assert vm.find(handset.phone.port) == handset.phone
    vm.stop(handset.phone)
    assert not handset.phone.alive
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", handset.phone.port), timeout=1)
    until(lambda: not is_listed(handset))  # the server forgets it once its threads have ended
    assert not Path(handset.phone.console).exists()
    with pytest.raises(NoDevice):
        vm.find(handset.phone.port)
    vm.stop(handset.phone)


def test_a_phone_outlives_its_starter_unless_told_otherwise(phone: Handset, tmp_path: Path) -> None:
    script = (
        "from droidreclaim.lab.phone import vm; from droidreclaim.lab.phone.state import Config; "
        "print(vm.start(Config(ram_bytes=256<<20, zram_bytes=0, cpus=1), die_with_us={}).port)"
    )
    for bound in (False, True):
        argv = [sys.executable, "-c", script.format(bound)]
        port = int(
            subprocess.run(
                argv, capture_output=True, timeout=120, check=True, cwd=os.getcwd()
            ).stdout
        )
        if bound:
            until(lambda port=port: all(phone.port != port for phone in vm.running()))
        else:
            vm.stop(vm.find(port))


def test_a_boot_that_fails_shows_the_console(boot: Callable[..., Handset]) -> None:
    before = vm.running()
    with pytest.raises(DeviceTimeout, match="did not boot within 1 s"):
        vm.start(
            Config(ram_bytes=256 * MIB, zram_bytes=0), timeout_s=1, die_with_us=True, fresh=True
        )
    assert vm.running() == before


def test_an_interrupt_right_after_the_start_of_qemu_ends_it(
    boot: Callable[..., Handset], monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = qemu.spawn

    def spawn_and_interrupt(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
        process = spawn(argv, **options)
        os.kill(os.getpid(), signal.SIGINT)  # any thread may take it
        time.sleep(0.1)
        return process

    monkeypatch.setattr(qemu, "spawn", spawn_and_interrupt)
    port = free_port()
    ended = threading.Event()
    threading.Thread(target=ended.wait).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            vm.start(Config(ram_bytes=256 * MIB, zram_bytes=0, port=port), die_with_us=True)
    finally:
        ended.set()
    assert qemus_on(port) == []


def test_a_phone_that_cannot_be_written_down_is_ended(boot: Callable[..., Handset]) -> None:
    port = free_port()
    (state_dir() / f"phone-{port}.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        vm.start(Config(ram_bytes=256 * MIB, zram_bytes=0, port=port), die_with_us=True)
    (state_dir() / f"phone-{port}.json").rmdir()
    assert qemus_on(port) == []


def qemus_on(port: int) -> list[str]:
    """Return the processes with *port* on their command line, without zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"hostfwd=tcp:127.0.0.1:{port}-".encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def test_a_taken_port_is_named(phone: Handset) -> None:
    with pytest.raises(NotPossible, match=str(phone.phone.port)):
        vm.start(Config(port=phone.phone.port))


def test_phones_that_start_at_once_take_ports_of_their_own(
    phone: Handset, boot: Callable[..., Handset]
) -> None:
    with ThreadPoolExecutor(2) as threads:  # QEMU dies with the thread that started it
        first, second = threads.map(lambda _: boot(), range(2))
        assert first.phone.port != second.phone.port


@pytest.mark.parametrize(
    "values", [{"root": "magic"}, {"api": 27}, {"ram_bytes": MIB}, {"apps": "a b"}]
)
def test_senseless_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        vm.start(Config(**values))  # type: ignore[arg-type]


def test_qemus_own_words_are_passed_on(boot: Callable[..., Handset]) -> None:
    with pytest.raises(DroidReclaimError, match="QEMU ended with 1"):
        vm.start(Config(ram_bytes=1 << 50), die_with_us=True)
