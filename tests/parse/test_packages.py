"""Which package has which uid."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.packages import (
    parse_packages_list,
    parse_pm_list,
)

PM = "pm_list_packages/"


def test_a_package_of_two_users_has_two_uids(capture):
    (chrome,) = parse_pm_list(capture(PM + "android_pixel4a-vpnhide_pr57-U_user_all.txt"))
    assert (chrome.name, chrome.uids) == ("com.android.chrome", (10187, 1010187))


def test_packages_of_a_shared_uid_are_kept_apart(capture):
    packages = {
        p.name: p for p in parse_pm_list(capture(PM + "android_xiaomi-bpf_blog-U_excerpt.txt"))
    }
    assert len(packages) == 11
    assert (
        packages["com.google.android.gms"].uids
        == packages["com.google.android.gsf"].uids
        == (10185,)
    )
    assert packages["com.android.updater"].uids == (6102,)


def test_a_plain_list_has_names_alone(capture):
    packages = parse_pm_list(capture(PM + "android9-automotive_gwm-haval-plain.txt"))
    assert len(packages) == 137
    assert packages[-1].name == "com.beantechs.exploreservice"
    assert {(p.uids, p.path, p.installer) for p in packages} == {((), None, None)}


def test_an_installer_is_read(capture):
    (package,) = parse_pm_list(capture(PM + "android12-tv_xgimi_z6x-i_line.txt"))
    assert (package.name, package.installer) == ("com.xgimi.vcontrol", "com.xgimi.upgrade")


def test_a_path_is_cut_at_its_last_equals_sign():
    (package,) = parse_pm_list(
        "package:/data/app/~~aa==/com.example-bb==/base.apk=com.example versionCode:42 uid:10123\n"
    )
    assert (package.name, package.path) == (
        "com.example",
        "/data/app/~~aa==/com.example-bb==/base.apk",
    )
    assert (package.uids, package.version_code) == ((10123,), 42)


def test_packages_list_has_ten_columns_on_android_12(capture):
    v2ray, office, phone = parse_packages_list(
        capture("packages_list/android12-xiaomi-freezeit_notes.txt")
    )
    assert (v2ray.uid, v2ray.installer, v2ray.gids) == (10186, "com.android.vending", (3003,))
    assert (office.uid, office.installer) == (10196, None)
    assert (phone.uid, phone.installer, phone.data_dir) == (
        1001, "@system", "/data/user_de/0/com.android.phone",
    )  # fmt: skip


def test_packages_list_of_android_9_has_six_columns():
    (package,) = parse_packages_list(
        "a.b 10001 1 /data/user/0/a.b default:targetSdkVersion=28 none\n"
    )
    assert (package.debuggable, package.gids, package.installer) == (True, (), None)


@pytest.mark.parametrize(
    "line", ["a.b 10001 0 /data", "a.b x 0 /data/a s none", "a.b 1 2 /d s none"]
)
def test_a_row_of_packages_list_with_other_columns_is_refused(line):
    with pytest.raises(ParseError, match="line 1"):
        parse_packages_list(line + "\n")
