"""id, su -v, and a su that refuses."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.root import SuRefusal, parse_id, parse_su_version, su_refusal


@pytest.mark.parametrize(
    ("name", "who", "domain", "group"),
    [
        ("id_kernelsu-pixel6a_android16", (0, "root"), "ksu", 0),
        ("id_shell-android12-tv_xgimi_z6x", (2000, "shell"), "shell", 3009),
        ("id_untrusted_app-android12-tv_xgimi_z6x", (10068, "u0_a68"), "untrusted_app_27", 50068),
    ],
)
def test_who_answers(capture, name, who, domain, group):
    identity = parse_id(capture(f"su_id/{name}.txt"))

    assert ((identity.uid, identity.user), identity.domain) == (who, domain)
    assert group in identity.groups
    assert identity.is_root == (who[0] == 0)


def test_an_identity_behind_a_banner_and_without_names_or_context():
    identity = parse_id("Welcome to su\r\nuid=0 gid=0\r\n")

    assert (identity.uid, identity.user, identity.context) == (0, None, None)


def test_version_of_su(capture):
    version = parse_su_version(capture("su_id/su_v_magisk-samsung_debloat_notes.txt"))

    assert (version.version, version.manager) == ("30.7", "MAGISKSU")
    assert parse_su_version("30700\n").version == "30700"


def test_an_error_is_no_identity_and_no_version(capture):
    for name in ("sh_su_inaccessible-samsung_s906n", "kill_not_permitted-android12-tv_xgimi_z6x"):
        for parse in (parse_id, parse_su_version):
            with pytest.raises(ParseError):
                parse(capture(f"errors/{name}.txt"))


def test_why_su_refused(capture):
    missing = capture("errors/sh_su_inaccessible-samsung_s906n.txt")

    assert su_refusal(missing) is SuRefusal.MISSING
    assert su_refusal("su: invalid uid/gid '-c'\n") is SuRefusal.NO_COMMAND_OPTION
    assert su_refusal("Permission denied\n") is SuRefusal.DENIED
    assert su_refusal("") is SuRefusal.UNKNOWN
