"""Adj labels and the two scales."""

import pytest

from droidreclaim.parse.activity.adj import adj_of_label, is_old_scale, modern_adj


@pytest.mark.parametrize(
    ("label", "adj", "exact"),
    [
        ("sys", -900, False), ("fg", 0, False), ("fore", 0, False), ("cch", 900, False),
        ("cch+ 5", 905, True), ("cch+75", 975, True), ("cch+4", 904, True),
        ("vis  +1", 101, True), ("vis  + 1", 101, True), ("cch   CEM", 900, False),
        ("prcm", 225, False), ("hvy", 400, False),
    ],
)  # fmt: skip
def test_a_label_gives_its_adj(label, adj, exact):
    read = adj_of_label(label)
    assert (read.adj, read.exact) == (adj, exact)


def test_a_label_of_a_vendor_is_kept_without_a_number():
    assert adj_of_label("lockd").adj is None


def test_the_scale_is_told_by_the_largest_adj():
    assert is_old_scale(16)
    assert is_old_scale(-12)
    assert not is_old_scale(1001)
    assert not is_old_scale(-800)
    assert not is_old_scale(None)


def test_old_adj_become_new_ones():
    assert [modern_adj(old) for old in (-16, -12, 0, 5, 9, 11, 15, 16)] == [
        -900, -800, 0, 500, 900, 902, 906, 1001,
    ]  # fmt: skip
