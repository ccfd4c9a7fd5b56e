"""Every printed form of a uid is one number."""

import pytest

from droidreclaim.parse.text.uids import app_id_of, owner_uid_of, uid_of, user_of


@pytest.mark.parametrize(
    ("printed", "uid"),
    [
        ("1000", 1000), ("99000", 99000), ("u0a90", 10090), ("u10a120", 1010120),
        ("u10s1000", 1001000), ("u0i5", 99005), ("u0a276i5", 99005), ("u0a91i-8996", 90004),
        ("u0ai0", 90000), ("u0a10178", 10178), ("u0_a90", 10090), ("u0_i9000", 99000),
        ("u10_a120", 1010120), ("u10_system", 1001000), ("app_59", 10059),
        ("u0_a68_cache", 20068), ("all_a68", 50068), ("everybody", 9997), ("root", 0),
        ("shell", 2000), ("secure_element", 1068),
    ],
)  # fmt: skip
def test_a_printed_uid_is_a_number(printed, uid):
    assert uid_of(printed) == uid


@pytest.mark.parametrize(
    "printed", ["", "u", "u0", "u0a", "u0i", "uu0a1", "oem_x", "vendor_x", "9" * 40]
)
def test_what_is_no_known_uid_is_none(printed):
    assert uid_of(printed) is None


def test_an_isolated_process_names_its_owner():
    assert owner_uid_of("u0a276i5") == 10276
    assert owner_uid_of("u0a91i-8996") == 10091
    assert owner_uid_of("u0i5") is None
    assert owner_uid_of("u0a90") is None


def test_a_uid_is_a_user_and_an_app():
    assert (user_of(1010187), app_id_of(1010187)) == (10, 10187)
