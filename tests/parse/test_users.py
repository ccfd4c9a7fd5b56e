"""Android users."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.users import parse_started_users, parse_users


def test_the_started_user_is_unlocked(capture):
    users = parse_started_users(capture("dumpsys_activity_users/android13-mtk_tb8168-healer.txt"))
    assert (users.current, users.states) == (0, ((0, "RUNNING_UNLOCKED"),))


def test_a_user_name_may_hold_colons():
    owner, work = parse_users(
        "Users:\n\tUserInfo{0:Owner:c13} running\n\tUserInfo{10:Work: mine:1030}\n"
    )
    assert (owner.id, owner.flags, owner.running) == (0, 0xC13, True)
    assert (work.id, work.name, work.running) == (10, "Work: mine", False)


def test_users_without_a_row_are_refused():
    with pytest.raises(ParseError, match="no user"):
        parse_users("Users:\n")
