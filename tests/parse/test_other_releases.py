"""Framework dumps of releases and vendors without a capture, written here after their formats."""

from __future__ import annotations

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.activity.exits import parse_exit_info
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.activity.packages import (
    parse_packages_list,
    parse_pm_list,
)
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.units import KIB, MIB

_PROCESSES = "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n"
_LRU = "ACTIVITY MANAGER LRU PROCESSES (dumpsys activity lru)\n"


def _row(line: str):
    title = "  Process LRU list (sorted by oom_adj, 1 total, non-act at 0, non-svc at 0):\n"
    [row] = parse_processes(f"{_PROCESSES}{title}    {line}\n").rows
    return row


@pytest.mark.parametrize(
    ("line", "adj", "state", "capabilities"),
    [
        ("Proc # 0: fore  F/A/T  trm: 0 2210:a.b/u0a55 (top-activity)", 0, "T", None),
        ("PERS #31: sys    F/ /P  trm: 0 2210:a.b/1000 (fixed)", -900, "P", None),
        ("Proc #12: cch+2 B/ /CA  trm: 0 2210:a.b/u0a9 (cch-act)", 902, "CA", None),
        ("Proc #12: prev  B/ /LA  trm:40 2210:a.b/u10a9 (previous)", 700, "LA", None),
        ("Proc #100: prcl  B/ /SVC  trm: 0 2210:a.b/u0a1 (service)", 250, "SVC", None),
        ("Proc #52: vis    F/ /BFGS LCM  t: 0 2210:a.b/u0a1 (service)", 100, "BFGS", "LCM"),
        ("Proc #52: vis    F/ /BFGS LCMNFU t: 0 2210:a.b/u0a1 (service)", 100, "BFGS", "LCMNFU"),
        ("Proc #15: cch+75 b/ /CEM  -------- t: 0 2210:a.b/u0a1 (x)", 975, "CEM", "--------"),
        ("Proc #15: vis  + 1 F/ /BTOP LCMNFUATI t: 0 2210:a.b/u0a1 (x)", 101, "BTOP", "LCMNFUATI"),
        ("Proc #15: prev + 3 b/ /LAST --------- t: 0 2210:a.b/u0a1 (x)", 703, "LAST", "---------"),
        ("Proc # 0: cch+5 B/ /???? ---- t: 0 2210:a.b/u0a45 (cch)", 905, "????", "----"),
        ("Proc # 2: adj=vis  /F trm= 0 2210:a.b/u0a45 (service)", 100, "", None),
        ("Proc # 2: adj=bak+1/B  trm= 0 2210:a.b/10045 (bg-empty)", 901, "", None),
        ("PERS # 0: adj=core /FA 4088e3f8 2210:a.b/1001 (fixed)", -800, "", None),
    ],
)
def test_rows_of_android_2_to_16(line: str, adj: int, state: str, capabilities: str | None) -> None:
    row = _row(line)
    assert (row.ref.pid, row.ref.name) == (2210, "a.b")
    assert (row.adj, row.proc_state, row.capabilities) == (adj, state, capabilities)
    assert row.persistent == line.startswith("PERS")


@pytest.mark.parametrize("why", ["cch-empty", "vendor(keep) alive", "null"])
@pytest.mark.parametrize("more", ["", " frozen", "  locked by user"])
def test_words_of_a_vendor_around_the_reason_of_a_row(why: str, more: str) -> None:
    assert _row(f"Proc #15: cch+10 b/ /CRE  ---- t: 0 8:a.b/u0a1 ({why}){more}").why == why


@pytest.mark.parametrize(
    ("user", "uid", "owner"),
    [
        ("u0a130i7", 99007, 10130),
        ("u10s1000i7", 1099007, 1001000),
        ("u0a276i-78724", 20276, 10276),  # an SDK sandbox
        ("u0a91i-8996", 90004, 10091),
        ("u95a45", 9510045, None),  # a second user of Samsung's
    ],
)
def test_isolated_processes_name_the_app_they_serve(user: str, uid: int, owner: int) -> None:
    row = _row(f"Proc #15: cch+10 b/ /CEM  ---- t: 0 8:a.b:sandboxed_process0:x.Y:0/{user} (cch)")
    assert row.ref.name == "a.b:sandboxed_process0:x.Y:0"
    assert (row.ref.uid, row.ref.owner_uid) == (uid, owner)


def test_rows_counted_in_the_title_but_not_printed_are_refused() -> None:
    title = "  Process LRU list (sorted by oom_adj, 74 total, non-act at 3, non-svc at 3):\n"
    with pytest.raises(ParseError):
        parse_processes(_PROCESSES + title)


def test_a_record_of_android_16_and_one_that_is_still_starting() -> None:
    dump = parse_processes(
        f"""{_PROCESSES}  All known processes:
  *APP* UID 10123 ProcessRecord{{8e1c9a5 14532:com.example.game/u0a123}}
    user #0 uid=10123 gids={{50123, 20123, 9997}}
    packageList={{com.example.game, com.example.shared}}
    packageDependencies={{com.google.android.webview}}
    thread=android.app.IApplicationThread$Stub$Proxy@1234
    pid=14532
    lastPssTime=-2m53s lastPss=213MB lastSwapPss=1,2MB lastRss=402MB
    isFreezeExempt=false isPendingFreeze=false isFrozen=true
    oom adj: max=1001 curRaw=905 setRaw=905 cur=905 set=915
    curProcState=16 mRepProcState=16 setProcState=16 lastStateTime=-3m
    curCapability=--------- setCapability=---------
    currentHostingComponentTypes=0x100
  *APP* UID 10090 ProcessRecord{{16ea508 0:com.example.camera/u0a90}}
    packageList={{com.example.camera}}
    thread=null
    pid=0
    oom adj: max=1001 curRaw=-10000 setRaw=-10000 cur=-10000 set=-10000
"""
    )
    game, camera = dump.records
    assert game.packages == ("com.example.game", "com.example.shared")
    assert (game.cur_adj, game.set_adj, game.frozen, game.hosting_types) == (905, 915, True, 256)
    assert (game.pss_bytes, game.swap_pss_bytes) == (213 * MIB, int(1.2 * MIB))
    assert (camera.started, camera.cur_adj) == (False, None)


@pytest.mark.parametrize(
    ("rows", "adj", "activity"),
    [
        ("  Activities:\n    #26: fore   TOP  9:a.b/u0a1  activity=activities|recents \n", 0, 2),
        ("  Activities:\n  #67: fg     TOP  LCM 9:a.b/u0a1 act:activities|recents\n", 0, 2),
        ("  Other:\n  # 9: psvc   PER  LCMNFU 9:a.b/u0a1\n", -700, 0),
        ("  Other:\n  #99: vis  + 1 BFGS LCMNFUATI- 9:a.b/u0a1 act:treated\n", 101, 1),
        ("  Services:\n  #99: cch  + 5 CAC  ---------- 9:a.b/u0a1 act:client\n", 905, 1),
        ("  Hot processes:\n  # 9: cch+95 CEM  ---- 9:a.b/u0a1\n", 995, 0),
    ],
)
def test_lru_lists_of_android_10_to_16(rows: str, adj: int, activity: int) -> None:
    [entry] = parse_lru(_LRU + rows)
    assert (entry.ref.pid, entry.adj, len(entry.activity)) == (9, adj, activity)


def test_exit_info_of_android_11_stands_on_a_line_each() -> None:
    [one] = parse_exit_info(
        "  package: a.b\n    Historical Process Exit for uid=10026\n"
        "        ApplicationExitInfo #0:\n          timestamp=2021-03-04 05:06:07.890\n"
        "          pid=3120\n          realUid=10026\n          packageUid=10026\n"
        "          definingUid=10026\n          user=0\n          process=a.b:x\n"
        "          reason=3 (LOW_MEMORY)\n          status=0\n          importance=125\n"
        "          pss=0.00\n          rss=1,2GB\n          description=a b = c\n"
        "          trace=null\n"
    )
    assert (one.pid, one.process, one.reason) == (3120, "a.b:x", 3)
    assert (one.rss_bytes, one.description) == (int(1.2 * 1024 * MIB), "a b = c")


def test_digits_of_another_language_are_numbers_too() -> None:
    [one] = parse_exit_info(
        "        ApplicationExitInfo #0:\n"
        "          timestamp=٢٠٢٣-١٢-٠٩ ١٦:٠٧:٥٩.٧٣٠ pid=3120 realUid=10026 user=0\n"
        "          process=a.b reason=6 (ANR) status=0 pss=١٣MB description=x state=empty\n"
    )
    assert one.when.isoformat(timespec="seconds") == "2023-12-09T16:07:59"
    assert one.pss_bytes == 13 * MIB


def test_compaction_and_freezer_of_android_14() -> None:
    settings = parse_settings(
        "ACTIVITY MANAGER SETTINGS (dumpsys activity settings) activity_manager_constants:\n"
        "  max_cached_processes=1024\nCachedAppOptimizer settings\n  use_compaction=true\n"
        "Total Compactions Performed by profile: 3 some, 45 full\n"
        "Total compactions downgraded: 0\n  use_freezer=true\n  Apps frozen: 2\n"
        "    499170472: 1637 com.example.a\n    98503897: 2949 com.example.b:x (sticky)\n"
        "  Pending compactions:\n    pid: 4. name: c. hasPendingCompact: true\n"
    )
    assert settings.counts is not None
    assert settings.counts.performed == {"some": 3, "full": 45}
    assert settings.frozen == ((1637, "com.example.a"), (2949, "com.example.b:x"))


_APP_BY_RELEASE = {
    "4": (
        "                         Shared  Private     Heap     Heap     Heap\n"
        "                   Pss    Dirty    Dirty     Size    Alloc     Free\n"
        "                ------   ------   ------   ------   ------   ------\n"
        "       Dalvik     2001     1808     1200     4256     2431     1069\n"
        "     .so mmap     7541      452      288\n"
        "        TOTAL    35508    18668     3320    28512    14862     8138\n"
    ),
    "2.3": (
        "                    native   dalvik    other    total\n"
        "            size:     4256     5123      N/A     9379\n"
        "           (Pss):     1234     2345    31929    35508\n"
        "  (shared dirty):     1000     2000     3000     6000\n"
        "    (priv dirty):     1100     2100      120     3320\n"
    ),
}


@pytest.mark.parametrize("release", _APP_BY_RELEASE)
def test_an_app_s_memory_on_old_releases(release: str) -> None:
    head = "Applications Memory Usage (kB):\n\n** MEMINFO in pid 1234 [com.example] **\n"
    [app] = parse_meminfo_app(head + _APP_BY_RELEASE[release])
    assert (app.pid, app.pss_bytes, app.private_dirty_bytes) == (1234, 35508 * KIB, 3320 * KIB)


def test_packages_whatever_else_their_rows_say() -> None:
    listed = parse_pm_list(
        "WARNING: linker: libx.so: unused DT entry\n"
        "package:com.x  installer=com.android.vending versionCode:42 uid:10187,1010187\n"
    )
    assert (listed[0].version_code, listed[0].uids) == (42, (10187, 1010187))
    rows = parse_packages_list(
        "com.x 10123 0 null default:targetSdkVersion=34 none 0 42 1 @null future\n"
    )
    assert (rows[0].uid, rows[0].installer) == (10123, None)
