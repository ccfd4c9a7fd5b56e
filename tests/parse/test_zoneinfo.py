"""Zones, and the sums lmkd compares with."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.zoneinfo import Watermark, parse_zoneinfo

CAPTURE = "proc_zoneinfo/android13-mtk_tb8168-healer.txt"

# Linux 3.10: protection last, nr_* in between, no per-node block, an empty zone printed whole.
OLD = """Node 0, zone   Normal
  pages free     100
        min      10
        low      20
        high     30
        scanned  0 (aa: 0 ia: 0)
        spanned  1000
        present  900
    nr_free_pages 100
    nr_free_cma  5
        protection: (0, 40)
  pagesets
    cpu: 0
              count: 3
              high:  186
              batch: 31
  vm stats threshold: 8
  all_unreclaimable: 0
  start_pfn:         0
  inactive_ratio:    1
Node 0, zone  Movable
  pages free     0
        min      1
        low      1
        high     1
        present  0
        protection: (0, 7)
"""


def test_each_zone_has_its_marks(capture):
    dma32, normal, movable = parse_zoneinfo(capture(CAPTURE)).zones

    assert (dma32.free_pages, dma32.min_pages, dma32.low_pages) == (131476, 27913, 35794)
    assert (dma32.high_pages, dma32.free_cma_pages) == (42772, 0)
    assert dma32.protection_pages == (0, 922, 922)
    assert (normal.present_pages, normal.fields["managed"]) == (262144, 236092)
    assert (movable.name, movable.free_pages, movable.present_pages) == ("Movable", 0, 0)


def test_per_node_counters_are_not_those_of_the_first_zone(capture):
    info = parse_zoneinfo(capture(CAPTURE))

    assert info.node_counters[0]["nr_inactive_anon"] == 150781
    assert "nr_inactive_anon" not in info.zones[0].counters
    assert info.zones[0].counters["nr_zone_inactive_anon"] == 113559


def test_watermarks_are_summed_with_protection_as_lmkd_does(capture):
    info = parse_zoneinfo(capture(CAPTURE))

    assert info.free_pages == 131476 + 11461
    assert info.watermark_pages(Watermark.LOW) == (35794 + 922) + 11476
    assert info.watermark_pages(Watermark.MIN, skipped=frozenset({"DMA32"})) == 8950


def test_an_old_kernel_and_an_empty_zone():
    info = parse_zoneinfo(OLD)

    assert info.node_counters == {}
    assert info.free_cma_pages == 5
    assert info.watermark_pages(Watermark.HIGH) == 30 + 40  # the empty zone does not count


def test_the_machine_this_runs_on():
    with open("/proc/zoneinfo", encoding="ascii") as zoneinfo:
        info = parse_zoneinfo(zoneinfo.read())

    assert info.free_pages > 0
    assert info.watermark_pages(Watermark.MIN) <= info.watermark_pages(Watermark.HIGH)


@pytest.mark.parametrize("kept", [0, 1, 3, 5])
def test_a_zone_cut_before_its_protection_is_refused(kept):
    with pytest.raises(ParseError):
        parse_zoneinfo("\n".join(OLD.split("\n")[:kept]))


def test_a_stray_line_is_refused_with_its_number():
    with pytest.raises(ParseError) as refusal:
        parse_zoneinfo(OLD.replace("  pagesets", "  what is this?"))

    assert refusal.value.line_number == 12
