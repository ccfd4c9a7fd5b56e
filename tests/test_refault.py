"""What came back after a page-out, and whether it was worth it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from build_values import process
from droidreclaim.errors import UsageError
from droidreclaim.helper.wire import Measured
from droidreclaim.model import Advice, Memory, Refault, TargetResult
from droidreclaim.parse.proc.kernel import parse_pressure, parse_vmstat
from droidreclaim.parse.proc.swap import flash_read_bytes
from droidreclaim.reclaim.refault import Counters, device_refault, refault
from droidreclaim.units import times_of

_MIB = 1 << 20
_ADVICE = Advice(
    pid=200, start=2000, outcome="advised", reason=None, advised_bytes=76 * _MIB,
    exclusive_bytes=76 * _MIB, shared_bytes=4 * _MIB, swapped_bytes=0, refused=(), adj=905,
    frozen=False, steps=76, longest_us=2000, duration_us=300_000,
    before=Memory(100 * _MIB, 80 * _MIB, 20 * _MIB, 0),
    after=Memory(24 * _MIB, 4 * _MIB, 20 * _MIB, 76 * _MIB), major_faults=7, approximate=False,
)  # fmt: skip
_TARGET = TargetResult(process(200, "com.example.mail", 10002, 905), _ADVICE, "reclaimed", None)


def measured(rss_mib: int, swap_mib: int, faults: int = 7) -> Measured:
    return Measured(
        pid=200, start=2000, errno=None, approximate=False, rss_bytes=rss_mib * _MIB,
        rss_anon_bytes=0, rss_file_bytes=0, swap_bytes=swap_mib * _MIB, locked_bytes=0,
        major_faults=faults,
    )  # fmt: skip


def test_what_left_swap_and_is_resident_again_came_back() -> None:
    now = refault(10, _TARGET, measured(rss_mib=44, swap_mib=56, faults=5127))
    assert now == Refault(10, 44 * _MIB, 56 * _MIB, 5120, 20 * _MIB)


def test_new_memory_of_an_app_at_work_is_no_refault() -> None:
    assert refault(10, _TARGET, measured(rss_mib=90, swap_mib=76)).came_back_bytes == 0


def test_memory_that_is_freed_in_swap_did_not_come_back() -> None:
    assert refault(10, _TARGET, measured(rss_mib=24, swap_mib=10)).came_back_bytes == 0


def test_file_pages_come_back_without_leaving_swap() -> None:
    after = Memory(24 * _MIB, 4 * _MIB, 20 * _MIB, 0)
    files = replace(_TARGET, advice=replace(_ADVICE, after=after))
    assert refault(1, files, measured(rss_mib=54, swap_mib=0)).came_back_bytes == 30 * _MIB


@pytest.mark.parametrize(("rss_mib", "worth"), [(24, True), (62, True), (63, False), (100, False)])
def test_more_than_half_back_is_not_worth_it(rss_mib: int, worth: bool) -> None:
    now = refault(10, _TARGET, measured(rss_mib=rss_mib, swap_mib=100 - rss_mib))
    assert replace(_TARGET, refaults=(now,)).worth_it is worth


def test_the_worst_moment_counts() -> None:
    moments = tuple(
        refault(at, _TARGET, measured(mib, 100 - mib)) for at, mib in ((1, 90), (9, 30))
    )
    target = replace(_TARGET, refaults=moments)
    assert target.came_back_share == pytest.approx(66 / 76)
    assert target.worth_it is False


def test_more_than_left_cannot_come_back_of_it() -> None:
    little = replace(_ADVICE, before=Memory(25 * _MIB, 5 * _MIB, 20 * _MIB, 75 * _MIB))
    target = replace(_TARGET, advice=little)
    now = refault(60, target, measured(rss_mib=34, swap_mib=66))
    assert replace(target, refaults=(now,)).came_back_share == 1.0


def test_a_process_that_is_gone_is_unknown_and_not_zero() -> None:
    gone = structs.replace(measured(0, 0), errno="ESRCH", rss_bytes=None)
    assert refault(10, _TARGET, gone) == Refault(10, None, None, None, None)
    assert refault(10, _TARGET, None).came_back_bytes is None
    assert replace(_TARGET, refaults=(refault(10, _TARGET, gone),)).worth_it is None


def test_nobody_asked_is_unknown() -> None:
    assert _TARGET.worth_it is None


def test_the_device_is_counted_from_the_page_out_on() -> None:
    psi = "{} avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"
    start = Counters(
        parse_vmstat("pswpin 100\npgmajfault 10\n"),
        parse_pressure(psi.format("some", 1_000_000) + psi.format("full", 500_000)),
    )
    now = Counters(
        parse_vmstat("pswpin 356\npgmajfault 300\n"),
        parse_pressure(psi.format("some", 1_250_000) + psi.format("full", 500_000)),
    )
    seen = device_refault(10, start, now, 4096)
    assert seen.swapped_in_bytes == 256 * 4096
    assert seen.major_faults == 290
    assert (seen.psi_some_s, seen.psi_full_s) == (0.25, 0.0)


def test_what_came_from_flash_is_told_apart_from_what_zram_gave() -> None:
    before = {"/sys/block/zram0/bd_stat": "  6000   970   6890\n", "/proc/vmstat": "pswpin 1\n"}
    after = {"/sys/block/zram0/bd_stat": "  5800  1226   6890\n", "/proc/vmstat": "pswpin 1\n"}
    start, now = (Counters(None, None, flash_read_bytes(files)) for files in (before, after))
    seen = device_refault(10, start, now, 16384)
    assert seen.from_flash_bytes == 256 * 4096  # bd_stat counts 4 KiB, whatever a page is
    silent = Counters(None, None, flash_read_bytes({"/sys/block/zram0/bd_stat": None}))
    assert device_refault(10, silent, silent, 4096).from_flash_bytes is None


def test_a_kernel_without_psi_says_unknown() -> None:
    start = Counters(parse_vmstat("pswpin 100\n"), None)
    assert device_refault(1, start, start, 4096).psi_some_s is None


def test_times_rise() -> None:
    assert times_of("500ms,1s,2m") == (0.5, 1.0, 120.0)
    for text in ("10s,1s", "1s,1s", "0s", "1s,", ""):
        with pytest.raises(UsageError):
            times_of(text)
