"""The apps of the pocket phone: real processes with real heaps, every page of them checked."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from handset import Handset, until

pytestmark = pytest.mark.phone

MIB = 1 << 20
HEAP_MIB = 16
GAME = "com.example.apptest"

# Turns one byte at OFFSET of a mapping into another, and back when it is run again.
FLIP = """
import sys
pid, name, offset = sys.argv[1], sys.argv[2], int(sys.argv[3])
row = next(line for line in open(f"/proc/{pid}/maps") if name in line)
at = int(row.split("-")[0], 16) + offset
with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
    memory.seek(at)
    byte = memory.read(1)[0]
    memory.seek(at)
    memory.write(bytes([byte ^ 1]))
"""


def pocket(phone: Handset, words: str) -> Any:
    """Run ``pocket``; its exit status tells of bad pages, so a status other than 0 is allowed."""
    return json.loads(phone.shell(f"pocket {words}").stdout)


def main_pid(phone: Handset, package: str) -> int:
    row = next(row for row in pocket(phone, "apps")["apps"] if row["package"] == package)
    return int(row["pid"])


def memory_of(phone: Handset, pid: int, mapping: str) -> dict[str, int]:
    """Return the kB of one mapping from smaps."""
    text = phone.text(f"cat /proc/{pid}/smaps")
    pattern = rf"^[^\n]*{re.escape(mapping)}[^\n]*\n((?:\w+:[^\n]*\n)+)"
    block = re.search(pattern, text, re.M)
    assert block is not None, text[:500]
    return {key: int(number) for key, number in re.findall(r"^(\w+): +(\d+) kB", block[1], re.M)}


def status_of(phone: Handset, pid: int) -> dict[str, int]:
    rows = re.findall(r"^(\w+):\s+(\d+) kB", phone.text(f"cat /proc/{pid}/status"), re.M)
    return {key: int(number) * 1024 for key, number in rows}


@pytest.fixture(scope="module")
def game(phone: Handset) -> Iterator[int]:
    """Pid of a game with a heap of 16 MiB, on the screen."""
    pocket(phone, "beat off")
    pocket(phone, f"install {GAME} {HEAP_MIB} 4711 --game --remote --isolated")
    assert "Status: ok" in phone.text(f"am start -W {GAME}")
    phone.text("input keyevent 3")
    yield main_pid(phone, GAME)
    phone.text(f"am force-stop {GAME}")
    pocket(phone, "beat on")


def test_heaps_carry_the_names_of_android_9(phone: Handset, game: int) -> None:
    maps = phone.text(f"cat /proc/{game}/maps")
    for name in ("dalvik-main space", "dalvik-large object space", "libc_malloc"):
        assert re.search(rf"rw-p .* /dev/ashmem/{name} \(deleted\)$", maps, re.M)


def test_a_named_heap_is_anonymous_memory_and_nothing_else(phone: Handset, game: int) -> None:
    heap = memory_of(phone, game, "dalvik-main space")
    assert heap["Rss"] == heap["Size"] == HEAP_MIB * 1024 * 55 // 100 // 4 * 4
    assert heap["Anonymous"] == heap["Rss"]
    shmem = re.search(r"^Shmem: +(\d+)", phone.text("cat /proc/meminfo"), re.M)
    assert shmem is not None
    assert int(shmem[1]) < 1024 * HEAP_MIB / 2, "a second copy lies in the page cache"


def test_apps_share_the_zygotes_pages(phone: Handset, game: int) -> None:
    shared = memory_of(phone, game, "dalvik-zygote space")
    assert shared["Rss"] >= 8 * 1024 - 4
    assert shared.get("Private_Dirty", 0) + shared.get("Private_Clean", 0) == 0
    assert shared["Pss"] * 3 < shared["Rss"]


def test_a_process_is_named_as_android_names_it(phone: Handset, game: int) -> None:
    cmdline = phone.shell(f"cat /proc/{game}/cmdline").stdout
    assert cmdline.rstrip(b"\0") == GAME.encode()
    assert cmdline.endswith(b"\0" * 40), "padded with what was there before"
    assert phone.text(f"cat /proc/{game}/comm") == GAME[-15:]


def test_an_app_has_its_own_uid_and_its_sandbox_another(phone: Handset, game: int) -> None:
    row = next(row for row in pocket(phone, "apps")["apps"] if row["package"] == GAME)
    uids = {}
    for process in row["processes"]:
        text = phone.text(f"cat /proc/{process['pid']}/status")
        ids = re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", text, re.M)
        assert ids is not None
        assert len(set(ids.groups())) == 1
        uids[process["name"].partition(":")[2].partition(":")[0]] = int(ids[1])
    assert uids[""] == uids["remote"] == row["uid"] >= 10000
    assert uids["sandboxed_process0"] >= 99000
    parent = re.search(r"^PPid:\s+(\d+)", phone.text(f"cat /proc/{game}/status"), re.M)
    assert parent is not None
    assert phone.text(f"cat /proc/{parent[1]}/comm") == "zygote64"


@pytest.mark.parametrize(
    ("mapping", "offset"),
    [
        ("dalvik-main space", 20 * 4096 + 17),
        ("dalvik-main space", 33 * 4096 + 4095),
        ("libc_malloc", 12345),
        ("dalvik-large object space", 90 * 4096),
    ],
)
def test_one_changed_byte_fails(phone: Handset, game: int, mapping: str, offset: int) -> None:
    flip = f"/usr/bin/python3 - {game} '{mapping}' {offset}"
    assert phone.shell(flip, stdin=FLIP.encode()).returncode == 0
    broken = pocket(phone, f"verify {GAME}")
    assert broken["bad"] == 1
    assert phone.shell(flip, stdin=FLIP.encode()).returncode == 0
    assert pocket(phone, f"verify {GAME}")["bad"] == 0


def test_verify_reads_every_page_that_an_app_has(phone: Handset, game: int) -> None:
    row = next(row for row in pocket(phone, f"verify {GAME}")["processes"] if row["pid"] == game)
    heap = memory_of(phone, game, "dalvik-main space")["Rss"] * 100 // 55
    shared = 8 * 1024
    assert row["pages"] * 4 >= (heap * 95 // 100 + shared) * 99 // 100


def test_paged_out_content_compresses_about_three_to_one(phone: Handset, game: int) -> None:
    def zram() -> list[int]:
        return [int(word) for word in phone.text("cat /sys/block/zram0/mm_stat").split()]

    before = zram()
    phone.text(f"compact {game} anon")
    after = zram()
    original, compressed = after[0] - before[0], after[1] - before[1]
    assert original > HEAP_MIB * MIB * 0.8
    assert 2.5 < original / compressed < 3.7
    assert status_of(phone, game)["VmSwap"] > HEAP_MIB * MIB * 0.8


def test_what_was_paged_out_comes_back_as_it_was(phone: Handset, game: int) -> None:
    phone.text(f"compact {game} anon")
    row = next(row for row in pocket(phone, f"verify {GAME}")["processes"] if row["pid"] == game)
    assert row["bad"] == 0
    assert row["major_faults"] > 1000


def test_a_resume_reads_the_working_set_only(phone: Handset, game: int) -> None:
    phone.text(f"compact {game} anon")
    until(lambda: status_of(phone, game)["VmSwap"] > HEAP_MIB * MIB * 0.8)
    assert "LaunchState: HOT" in phone.text(f"am start -W {GAME}")
    swapped = status_of(phone, game)["VmSwap"]
    phone.text("input keyevent 3")
    share = 1 - swapped / (HEAP_MIB * MIB * 0.95)
    assert 0.2 < share < 0.45


def test_the_score_lives_in_the_heap_only(phone: Handset, game: int) -> None:
    phone.text(f"am start -W {GAME}")
    start = pocket(phone, f"score {GAME}")["score"]
    phone.text("for tap in 1 2 3; do input tap 100 200; done")
    assert pocket(phone, f"score {GAME}")["score"] == start + 3
    phone.text("input keyevent 3")
    phone.text("input tap 100 200")  # goes to the launcher, which is no game
    assert pocket(phone, f"score {GAME}")["score"] == start + 3


def test_a_trim_gives_up_the_cache_and_a_resume_rebuilds_it(phone: Handset, game: int) -> None:
    pocket(phone, f"verify {GAME}")
    before = memory_of(phone, game, "dalvik-image cache")["Rss"]
    phone.text(f"am send-trim-memory {GAME} COMPLETE")
    assert before > HEAP_MIB * 1024 * 9 // 100
    assert memory_of(phone, game, "dalvik-image cache")["Rss"] == 0
    assert pocket(phone, f"verify {GAME}")["bad"] == 0
    phone.text(f"am start -W {GAME}")
    phone.text("input keyevent 3")
    assert memory_of(phone, game, "dalvik-image cache")["Rss"] == before


def test_an_app_in_front_works_and_one_behind_rests(phone: Handset, game: int) -> None:
    def ticks() -> int:
        return sum(int(word) for word in phone.text(f"cat /proc/{game}/stat").split()[13:15])

    phone.text(f"am start -W {GAME}")
    faults = int(phone.text(f"cat /proc/{game}/stat").split()[9])
    until(lambda: ticks() > 0 and int(phone.text(f"cat /proc/{game}/stat").split()[9]) >= faults)
    phone.text("input keyevent 3")
    resting = ticks()
    phone.text("sleep 1")
    assert ticks() - resting <= 2
