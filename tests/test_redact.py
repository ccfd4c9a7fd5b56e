"""What must not get into an issue."""

from __future__ import annotations

import pytest

from droidreclaim.report.redact import redact

_PLANTED = (
    "R58M12ABCDE", "jane.doe+phone@example.co.uk", "192.168.178.23", "fe80::1a2b:3cff:fe4d:5e6f",
    "2001:db8:0:1:1:1:1:1", "aa:bb:cc:dd:ee:ff", "+49 171 1234567", "(555) 123-4567",
    "356938035643809", "0f8fad5b-d9cb-469f-a165-70867728950e", "jane-laptop",
    "Account {name=jane, type=com.google}",
)  # fmt: skip


@pytest.mark.parametrize("token", _PLANTED)
@pytest.mark.parametrize("form", ["[key]: [{}]", "a {} b", "x={}", "({})", "{}"])
def test_what_names_somebody_is_gone(token: str, form: str) -> None:
    text = redact(form.format(token), ["R58M12ABCDE", "jane-laptop"])
    assert token not in text
    for word in ("jane", "R58M12", "192.168", "aa:bb", "1234567", "fe80"):
        if word in token:
            assert word not in text


def test_a_serial_is_gone_in_any_case_and_inside_words() -> None:
    assert "r58m12" not in redact("/dev/r58m12abcde_x", ["R58M12ABCDE"]).lower()


@pytest.mark.parametrize(
    "line",
    [
        "MemTotal:        3884456 kB",
        "12-09 17:04:14.123   832   900 I lowmemorykiller: Kill 'com.example.a' (7), uid 10001",
        "[ro.lmk.thrashing_limit]: [100]",
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=123456789",
        "/dev/block/zram0 partition 2097148 691028 -2",
        "18432:0,23040:100,27648:200,32256:250,55296:900,80640:950",
        "6.1.0-56-cloud-amd64",
    ],
)
def test_what_an_issue_is_about_stays(line: str) -> None:
    assert redact(line, ["127.0.0.1"]) == line


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ('SSID: "Jane Doe Home"', "Doe"),
        ("ssid=Jane Doe Home", "Home"),
        ("IMEI 35-693803-564380-9", "564380"),
        ("35-693803-564380-9", "564380"),
        ("host=jane-laptop", "jane"),
        ("call 0171 1234567", "1234567"),
        ("call (030) 1234-567", "1234"),
    ],
)
def test_names_of_several_words_and_numbers_in_other_forms_are_gone(
    line: str, private: str
) -> None:
    assert private not in redact(line)
