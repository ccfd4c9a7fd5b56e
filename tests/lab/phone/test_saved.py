"""A phone goes on from a saved machine state with an identity of its own, or is booted."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from droidreclaim.lab.phone import image, qemu, saved, vm
from droidreclaim.lab.phone.state import Config
from droidreclaim.units import MIB
from handset import Handset

SMALL = Config(ram_bytes=320 * MIB, zram_bytes=64 * MIB, apps="none", root="su0", api=31)
STARTS_S = 300


def place_of(config: Config) -> saved.Place:
    files = image.find()
    assert files is not None
    return saved.place_of(files, qemu.state_words(files, config))


Start = Callable[..., tuple[Handset, list[str]]]


@pytest.fixture(scope="module")
def place(phones: Path) -> Iterator[saved.Place]:
    """Return where the state of SMALL is saved; none is there before and after the module."""
    there = place_of(SMALL)
    there.discard()
    yield there
    there.discard()


@contextlib.contextmanager
def starting() -> Iterator[Start]:
    """Give a function that starts a phone of SMALL, and returns it with what was printed."""
    started = []

    def start_phone(**options: bool) -> tuple[Handset, list[str]]:
        said: list[str] = []
        phone = vm.start(SMALL, progress=said.append, die_with_us=True, **options)
        started.append(phone)
        return Handset(phone), [line.split(" on ")[0].split(" (")[0] for line in said]

    try:
        yield start_phone
    finally:
        for phone in started:
            vm.stop(phone)


@pytest.fixture
def start(phones: Path) -> Iterator[Start]:
    with starting() as start_phone:
        yield start_phone


@pytest.fixture(scope="module")
def first(place: saved.Place) -> Iterator[tuple[Handset, list[str]]]:
    """A phone that found a state which is whole, but nothing for QEMU; and what was printed."""
    made(place.folder, memory=b"QEVM" + bytes(1000))
    with starting() as start_phone:
        yield start_phone()


@pytest.mark.phone
@pytest.mark.timeout(STARTS_S)
def test_a_fresh_boot_neither_reads_nor_leaves_a_state(place: saved.Place, start: Start) -> None:
    place.discard()
    handset, said = start(fresh=True)
    assert said == ["booting"]
    assert not place.folder.exists()
    assert handset.text("getprop sys.boot_completed") == "1"


@pytest.mark.phone
@pytest.mark.timeout(STARTS_S)
def test_a_state_that_qemu_cannot_read_is_removed_and_the_phone_boots(
    place: saved.Place, first: tuple[Handset, list[str]]
) -> None:
    handset, said = first
    assert said[-2:] == ["the saved state is of no use", "booting"]
    assert handset.text("getprop sys.boot_completed") == "1"
    memory = place.open_memory()  # the boot has left a good one
    assert memory is not None
    os.close(memory)


@pytest.mark.phone
@pytest.mark.timeout(STARTS_S)
def test_phones_of_one_state_differ_in_boot_id_and_random_numbers_and_have_the_time(
    first: tuple[Handset, list[str]], start: Start
) -> None:
    booted, _ = first
    booted.text("echo mine > /data/local/tmp/mine; sync")
    phones = [booted]
    for _ in range(2):
        restored, said = start()
        assert said == ["waking"]
        phones.append(restored)
    for look in ("cat /proc/sys/kernel/random/boot_id", "od -An -tx1 -N16 /dev/urandom"):
        assert len({phone.text(look) for phone in phones}) == 3, look
    for phone in phones[1:]:
        assert abs(int(phone.text("date +%s")) - time.time()) < 10
        last = phone.text("logcat -d -v epoch").splitlines()[-1].split()[0]
        assert 0 <= time.time() - float(last) < 120  # written before the state was saved
        assert phone.shell("ls /data/local/tmp/mine").returncode != 0
        assert phone.text("su 0 id -u") == "0"
        assert phone.text("getprop ro.build.version.sdk") == "31"


@pytest.mark.phone
@pytest.mark.timeout(STARTS_S)
def test_a_phones_image_survives_what_is_saved_over_it(
    place: saved.Place, first: tuple[Handset, list[str]], start: Start
) -> None:
    """QEMU 7.2 deletes the image when drive-backup saves over it, so that is not used."""
    for _ in range(2):
        vm.stop(start()[0].phone)
    vm.stop(first[0].phone)  # who saved it
    files = image.find()
    assert files is not None
    assert files.disk.is_file()
    assert place.disk.is_file()


@pytest.mark.phone
@pytest.mark.parametrize(
    "other",
    [{"ram_bytes": 321 * MIB}, {"zram_bytes": 0}, {"apps": None}, {"root": "su"}, {"api": 32}],
)
def test_another_configuration_has_another_state(phones: Path, other: dict[str, object]) -> None:
    assert place_of(replace(SMALL, **other)) != place_of(SMALL)  # type: ignore[arg-type]
    assert place_of(replace(SMALL, port=6599)) == place_of(SMALL)


@pytest.mark.phone
def test_another_qemu_has_another_state(phones: Path, tmp_path: Path) -> None:
    files = image.find()
    assert files is not None
    words = qemu.state_words(files, SMALL)
    (tmp_path / "qemu").write_text("#!/bin/sh")
    assert saved.place_of(files, [str(tmp_path / "qemu"), *words[1:]]) != place_of(SMALL)


def made(folder: Path, memory: bytes = b"pages" * 1000) -> saved.Place:
    """Write a state that is whole: its listing agrees with its files."""
    folder.mkdir()
    (folder / "memory").write_bytes(memory)
    (folder / "disk.qcow2").write_bytes(b"clusters")
    listing = {name: saved.digest(folder / name) for name in ("memory", "disk.qcow2")}
    (folder / "listing.json").write_text(json.dumps(listing))
    return saved.Place(folder)


def test_a_whole_state_is_opened(tmp_path: Path) -> None:
    memory = made(tmp_path / "state-1").open_memory()
    assert memory is not None
    assert os.read(memory, 5) == b"pages"
    os.close(memory)


@pytest.mark.parametrize("name", ["memory", "disk.qcow2", "listing.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied"])
def test_a_damaged_state_is_removed(tmp_path: Path, name: str, how: str) -> None:
    there = made(tmp_path / "state-1")
    content = bytearray((there.folder / name).read_bytes())
    content[len(content) // 2] ^= 0x10
    damaged = {"flipped": content, "cut": content[: len(content) // 2], "emptied": b""}[how]
    (there.folder / name).write_bytes(damaged)
    assert there.open_memory() is None
    assert not there.folder.exists()


def test_no_state_is_no_damage(tmp_path: Path) -> None:
    assert saved.Place(tmp_path / "state-none").open_memory() is None


def test_states_are_bounded_in_number_and_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_CACHE_DIR", str(tmp_path))
    for age in range(5):
        folder = made(tmp_path / f"state-{age}").folder
        os.utime(folder, (time.time() - age * 60,) * 2)
    saved.remove_surplus(keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-0", "state-1", "state-2"]
    one = sum(path.stat().st_blocks * 512 for path in (tmp_path / "state-0").iterdir())
    saved.remove_surplus(keep=3, keep_bytes=2 * one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-0", "state-1"]
