"""Lines, sizes and empty answers."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import answer_lines, kib_bytes, size_bytes


@pytest.mark.parametrize(
    ("printed", "size"),
    [
        ("13MB", 13 << 20), ("9.1MB", 9542041), ("0.00", 0), ("0,00", 0), ("612KB", 612 << 10),
        ("46 bytes", 46), ("1,5GB", 3 << 29), ("NaN", None), ("1.2.3MB", None), ("", None),
    ],
)  # fmt: skip
def test_sizes_are_bytes_in_every_language(printed, size):
    assert size_bytes(printed) == size


@pytest.mark.parametrize(
    "printed", ["1,234,567", "1.234.567", "1\u202f234\u202f567", "1234567", "1'234'567"]
)
def test_any_separator_of_thousands_is_read(printed):
    assert kib_bytes(printed) == 1234567 * 1024


def test_lost_ram_may_be_negative():
    assert kib_bytes("-12,345") == -12345 * 1024


def test_only_line_ends_are_cut():
    assert answer_lines("x", " a\rb \r\r\n\n") == [(1, " a\rb"), (2, ""), (3, "")]


def test_an_empty_answer_is_refused():
    with pytest.raises(ParseError, match="the answer is empty"):
        answer_lines("x", " \r\n")
