"""Images in a cache that several commands and versions share, and what is remembered of KVM."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from droidreclaim.lab.phone import image, qemu
from handset import Handset, until

_DAYS_S = 24 * 60 * 60.0


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * _DAYS_S
    os.utime(path, (then, then))
    return path


def test_images_used_within_a_day_are_kept(tmp_path: Path) -> None:
    for name, days in [("base-new", 0.9), ("base-old", 1.1), (".building-old", 1.1)]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "vmlinuz").touch()
        aged(tmp_path / name, days)
    for name, days in [("initramfs-new.cpio.gz", 0.9), ("initramfs-old.cpio.gz", 1.1)]:
        (tmp_path / name).touch()
        aged(tmp_path / name, days)
    for name, days in [("state-new", 0.9), ("state-old", 1.1)]:
        (tmp_path / name).mkdir()
        aged(tmp_path / name, days)
    image.remove_unused(tmp_path)
    kept = ["base-new", "initramfs-new.cpio.gz", "state-new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


@pytest.mark.phone
def test_only_one_command_at_a_time_makes_images(boot: Callable[..., Handset]) -> None:
    said: list[str] = []
    done = threading.Event()

    def ensure() -> None:
        image.ensure(lambda _: False, said.append)
        done.set()

    with (image.cache_dir() / image.LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        threading.Thread(target=ensure, daemon=True).start()
        until(lambda: said == ["waiting for another command that makes the image"])
        assert not done.wait(0.2)
    assert done.wait(20)


@pytest.mark.phone
def test_an_image_in_use_does_not_grow_old(boot: Callable[..., Handset]) -> None:
    found = image.find()
    assert found is not None
    aged(found.initramfs, 3)
    aged(found.kernel.parent, 3)
    assert image.find() == found
    assert time.time() - found.initramfs.stat().st_mtime < _DAYS_S
    assert time.time() - found.kernel.parent.stat().st_mtime < _DAYS_S


@pytest.mark.parametrize(
    ("os_release", "wanted"),
    [
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, True),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, True),
        ({"ID": "debian"}, False),
        ({}, False),
    ],
)
def test_ubuntus_modules_need_zstd(os_release: dict[str, str], wanted: bool) -> None:
    assert ("zstd" in image.host_packages(os_release)) == wanted


def test_what_is_known_of_kvm_lapses_after_a_day(tmp_path: Path) -> None:
    memory = tmp_path / "kvm.json"
    assert qemu.recall(memory, "6.1") is None
    memory.write_text(json.dumps({"6.1": False}))
    assert qemu.recall(aged(memory, 0.9), "6.1") is False
    assert qemu.recall(memory, "6.2") is None
    assert qemu.recall(aged(memory, 1.1), "6.1") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"6.1": "no"}'])
def test_a_spoilt_memory_of_kvm_is_none(tmp_path: Path, text: str) -> None:
    memory = tmp_path / "kvm.json"
    memory.write_text(text)
    assert qemu.recall(memory, "6.1") is None
