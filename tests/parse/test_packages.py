"""Which package has which uid."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.packages import (
    parse_package_checkin,
    parse_package_dump,
    parse_packages_list,
    parse_pm_list,
)

PM = "pm_list_packages/"
DUMP = "dumpsys_package/"


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


def test_blocks_give_uids_shared_users_and_users(capture):
    dump = parse_package_dump(capture(DUMP + "android13-mtk_tb8168-healer-blocks.txt"))
    packages = {package.name: package for package in dump.packages}
    assert len(packages) == 14
    calendar = packages["com.android.providers.calendar"]
    assert (calendar.uid, calendar.shared_user) == (10033, "android.uid.calendar")
    assert packages["com.mediatek.camera"].uid == 10090
    assert packages["com.mediatek.camera"].users[0].installed
    assert dict(dump.shared_users)["android.uid.bluetooth"] == 1002
    assert len(dump.shared_users) == 8


def test_lines_filtered_to_uids_read_the_same(capture):
    dump = parse_package_dump(capture(DUMP + "android13-mtk_tb8168-healer-uidlines.txt"))
    checkin = parse_package_checkin(
        capture("dumpsys_package_checkin/android13-mtk_tb8168-healer.txt")
    )
    assert len(dump.packages) == 141
    assert {p.name: p.uid for p in dump.packages} == {p.name: p.uid for p in checkin.packages}
    assert sorted(dump.shared_users) == sorted(checkin.shared_users)


def test_a_samsung_excerpt_without_titles(capture):
    dump = parse_package_dump(capture(DUMP + "android_samsung-mvt-excerpt.txt"))
    assert [(p.name, p.uid, p.shared_user) for p in dump.packages] == [
        ("com.samsung.android.provider.filterprovider", 1000, "android.uid.system"),
        ("com.sec.android.app.DataCreate", 10143, None),
    ]


def test_checkin_gives_uids_of_shared_users(capture):
    dump = parse_package_checkin(capture("dumpsys_package_checkin/android13-mtk_tb8168-healer.txt"))
    assert dict(dump.shared_users)["com.android.emergency.uid"] == 10082


def test_a_hidden_system_package_is_not_the_live_one():
    dump = parse_package_dump(
        "Packages:\n  Package [a.b] (1f):\n    appId=10001\n    codePath=/data/app/a\n"
        "Hidden system packages:\n  Package [a.b] (2f):\n    appId=10001\n    codePath=/system/a\n"
    )
    assert [(p.code_path, p.hidden) for p in dump.packages] == [
        ("/data/app/a", False), ("/system/a", True),
    ]  # fmt: skip


def test_a_package_without_a_uid_is_refused():
    with pytest.raises(ParseError, match="no uid"):
        parse_package_dump("Packages:\n  Package [a.b] (1f):\n    codePath=/data/app/a\n")
