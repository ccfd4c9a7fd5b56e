"""Logs, ps, properties and the kernel's files of devices without a capture, written here."""

from __future__ import annotations

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.launch import parse_launch
from droidreclaim.parse.kills.event_values import Compacted, FreezerSwitched
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_vmstat
from droidreclaim.parse.proc.process import parse_status
from droidreclaim.parse.proc.swap import parse_swaps
from droidreclaim.parse.proc.zoneinfo import Watermark, parse_zoneinfo
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.shell.ps import parse_ps
from droidreclaim.parse.text.errors import ErrorKind, find_error
from droidreclaim.parse.text.uids import uid_of
from droidreclaim.units import KIB

_KILL = (
    "Kill 'a.b:x' (14532), uid 1010123, oom_score_adj 905 to free 12345kB rss, 345kB swap;"
    " reason: low watermark is breached and swap is low (1234kB < 5678kB)"
)


@pytest.mark.parametrize(
    "head",
    [
        "12-09 16:07:59.730   612   612 I lowmemorykiller: ",
        "2025-12-09 16:07:59.730 +0100   612   612 I lowmemorykiller: ",
        "2025-12-09 16:07:59.730123 +0000   612   612 I lowmemorykiller: ",
        "12-09 16:07:59.730  lmkd   612   612 I lowmemorykiller: ",
        "12-09 16:07:59.730  1069   612   612 I lowmemorykiller: ",
        "12-09 16:07:59.730 u0_a123   612   612 I lowmemorykiller: ",
        "      1790448214.410   612   612 I lowmemorykiller: ",
        "        123.410123456   612   612 I lowmemorykiller: ",
        "12-09 16:07:59.730 I/lowmemorykiller( 1069:  612): ",
        "I/lowmemorykiller( lmkd:  612): ",
        "I/lowmemorykiller: ",
        "\x1b[38;5;40m12-09 16:07:59.730   612   612 I lowmemorykiller: ",
        "2025-12-09 16:07:59.730 612-612/? I/lowmemorykiller: ",
        "2025-12-09 16:07:59.730   612-612   lowmemorykiller         lmkd                   I  ",
        "[ 2025-12-09 16:07:59.730 +0100 lmkd:  612:  612 I/lowmemorykiller ]\n",
        "[12-09 16:07:59.730 612:612 I/lowmemorykiller]\n",
        "I( 1069:  612:  612) ",
        "",
    ],
)
def test_a_kill_is_read_in_every_form_of_logcat(head: str) -> None:
    log = parse_kills("--------- beginning of main\n" + f"{head}{_KILL}\n" * 3)
    assert not log.unread
    assert len(log.records) == 3
    kill = log.records[0]
    assert (kill.pid, kill.name, kill.uid) == (14532, "a.b:x", 1010123)
    assert (kill.freed_bytes, kill.swap_bytes) == (12345 * KIB, 345 * KIB)


def test_studio_s_table_has_a_tag_and_a_package() -> None:
    [entry] = parse_logcat(
        "2022-12-29 04:00:18.823 30249-30321 Two words               com.example.app      D  text\n"
    )
    assert (entry.pid, entry.tag, entry.level, entry.message) == (30249, "Two words", "D", "text")


@pytest.mark.parametrize(
    "message",
    [
        "Killing 'a.b' (123), uid 10012, adj 906\n{head}   to free 12345kB because system is under"
        " critical memory pressure oom_adj 800",
        "Killing 'a.b' (123), uid 10012, adj 906\n{head}   to free 12345kB because cache 123kB is"
        " below limit 456kB for oom_adj 900\n{head}   Free memory is 123kB above reserved",
        "Kill 'a.b' (123), uid 10012, oom_adj 906 to free 12345kB",
        "Kill 'a.b' (123), uid 10012, oom_score_adj 906 to free 12345kB; reason: not responding",
        "Kill 'a.b' (123), uid 10012, oom_score_adj 906 to free 12345kB rss, 12kb swap",
        "Kill 'a.b' (123), uid 10012, oom_score_adj 906 to free 12345kB rss, 345kB anon rss, 12kB"
        " swap, 3kB dmabuf_pss, 4kB dmabuf_rss; reason: low watermark is breached",
        "Reclaim 'a.b' (123), uid 10012, oom_score_adj 906, state 19 to free 12345kB rss, 12kB"
        " swap; reason: min2x watermark is breached even after kill",
        "Kill 'a.b' (123), uid 10012, oom_score_adj 906, state 19, cached 0, sandbox(not0) 0 to"
        " free 12345kB rss, 12kB swap; reason: low",
    ],
)
def test_lmkd_of_every_generation(message: str) -> None:
    head = "12-09 16:07:59.730   612   612 I lowmemorykiller: "
    log = parse_kills(head + message.format(head=head) + "\n")
    [kill] = log.records
    assert not log.unread
    assert (kill.pid, kill.name, kill.oom_score_adj) == (123, "a.b", 906)
    assert (kill.by, kill.freed_bytes) == ("lmkd", 12345 * KIB)


@pytest.mark.parametrize(
    "head",
    [
        "<6>[  149.950550] lowmemorykiller: Killing 'a' (2846) (tgid 2846), adj 999,",
        "[  149.950550][  T136] lowmemorykiller: Killing 'a' (2846), adj 999,",
        "[  149.950550] (0)[136:kswapd0]lowmemorykiller: Killing 'a' (2846), adj 999,",
        "[  149.950550] lowmemorykiller: Killing 'a' (2846) (state 1), adj 999,",
        "[  149.950550] lowmemorykiller: Killing 'a' (2846), state(256), adj 999,",
        "[  149.950550] lowmemorykiller: Killing 'a' (2846), tgid=2846, score adj 999,",
        "[  149.950550] lowmemorykiller: HSWAP Killing 'a' (2846) (tgid 1), adj 999,",
    ],
)
def test_the_driver_s_record_with_what_vendors_put_in(head: str) -> None:
    log = parse_kills(
        f"{head}\n[  149.950551]    to free 81288kB on behalf of 'kswapd0' (136) because\n"
        "[  149.950552] wlan: something else\n"
        "[  149.950553]    cache 1kB is below limit 2kB for oom score 950\n"
        "[  149.950554]    Free memory is -2192kB above reserved.\n   Free CMA is 6008kB\n"
    )
    [kill] = log.records
    assert not log.unread
    assert (kill.pid, kill.oom_score_adj, kill.freed_bytes) == (2846, 999, 81288 * KIB)


def test_compaction_and_freezer_events_of_growing_field_lists() -> None:
    head = "12-09 16:07:59.730  1000  1234  1300 I "
    sizes = "100,50,40,10,-60,-20,-40,40,123"
    old, word, new, frozen = parse_events(
        parse_logcat(
            f"{head}am_compact: [123,a.b,file,{sizes}]\n"
            f"{head}am_compact: [123,a.b,all,{sizes},some,0,905,19]\n"
            f"{head}am_compact: [123,a.b,FULL,{sizes},0,0,905,19,12345,-40,1]\n"
            f"{head}am_unfreeze: [123,a.b,6]\n"
        )
    )
    assert isinstance(old, Compacted)
    assert isinstance(word, Compacted)
    assert isinstance(new, Compacted)
    assert (old.before_bytes["rss"], old.oom_score_adj) == (100 * KIB, None)
    assert (word.oom_score_adj, word.proc_state) == (905, 19)
    assert (new.zram_free_before_bytes, new.zram_free_delta_bytes) == (12345 * KIB, -40 * KIB)
    assert isinstance(frozen, FreezerSwitched)
    assert (frozen.frozen, frozen.reason) == (False, "6")


def test_ps_after_a_warning_with_users_of_newer_releases() -> None:
    rows = parse_ps(
        "WARNING: linker: unsupported flags DT_FLAGS_1=0x8000001\n"
        "USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME\n"
        "u0_a123_sdk_sandbox 12 1 3 4 do_freezer_trap 0 S com.google.android.sdksandbox\n"
        "prng_seeder     13     1 1234567 567 binder_ioctl_write_read 0 S prng_seeder\n"
        "vendor_x        14     1 1234567 567 0 0 S a.b\n"
    )
    assert [row.uid for row in rows] == [20123, 1092, None]
    assert rows[2].user == "vendor_x"


@pytest.mark.parametrize(
    ("printed", "uid"),
    [("usb", 1018), ("uwb", 1083), ("uhid", 3011), ("oem_5013", 5013), ("u0_a68_ext", 30068),
     ("u0_a68_ext_cache", 40068), ("u10_system", 1001000), ("u", None), ("u0", None)],
)  # fmt: skip
def test_users_by_name(printed: str, uid: int | None) -> None:
    assert uid_of(printed) == uid


def test_a_property_whose_key_is_bracketed_twice_ends_the_one_before() -> None:
    assert parse_getprop("[a]: [1\n2]\n[[ro.b]]: [[x] y]\n[c]: []\n") == {
        "a": "1\n2",
        "ro.b": "[x] y",
        "c": "",
    }


def test_files_of_the_kernel_with_what_vendors_add() -> None:
    meminfo = parse_meminfo(
        "MemTotal: 3889512 kB\nIon total(cached): 12 kB\nGPU-used: 1 KB\nHugePages_Total: 3\n"
    )
    assert meminfo.total_bytes == 3889512 * KIB
    assert meminfo.sizes_bytes["Ion total(cached)"] == 12 * KIB
    assert parse_vmstat("nr_free_pages 12\nnr_vendor-x.y 1\n").free_pages == 12
    status = parse_status("Name:\tinit\nVmVendor:\t12\nVmRSS:\t  12 kB\nCapEff:\tffffffff\n")
    assert (status.rss_bytes, status.fields["CapEff"]) == (12 * KIB, "ffffffff")
    areas = parse_swaps("Filename Type Size Used Priority\nzram1 partition 8 4 5\n")
    assert areas[0].is_zram


def test_zoneinfo_of_linux_6_and_of_vendors() -> None:
    info = parse_zoneinfo(
        "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 32125\n"
        "  pages free     3840\n        boost    0\n        min      67\n        low      83\n"
        "        high     99\n        promo    115\n        spanned  4095\n        present  3998\n"
        "        managed  3840\n        cma      0\n        protection: (0, 1930, 1930)\n"
        "      nr_free_pages 3840\n      nr_free_cma  12\n  pages in highatomic 3\n  pagesets\n"
        "    cpu: 0\n              count:    0\n              high_min: 2\n"
        "  vm stats threshold: 4\n  node_unreclaimable:  0\n  start_pfn:           1\n"
    )
    assert info.watermark_pages(Watermark.LOW) == 83 + 1930
    assert (info.free_pages, info.free_cma_pages) == (3840, 12)


def test_a_start_that_brought_nothing_up_has_no_activity() -> None:
    launch = parse_launch(
        "Starting: Intent { cmp=a.b/.C }\nStatus: null\nActivity: null\nComplete\n"
    )
    assert (launch.status, launch.activity) == ("null", None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cat: /proc/pressure/memory: Operation not supported", ErrorKind.FAILED),
        ("cat: read error: I/O error", ErrorKind.FAILED),
        ("toybox: Unknown command lsmem", ErrorKind.BAD_ARGUMENT),
        ("- exec '/system/bin/sh' failed: No such file or directory (2) -", ErrorKind.NO_COMMAND),
        ("Error with service 'meminfo' while dumping: FAILED_TRANSACTION", ErrorKind.FAILED),
        ("protocol fault (couldn't read status): Success", ErrorKind.ADB),
    ],
)
def test_error_texts_in_place_of_an_answer(text: str, kind: ErrorKind) -> None:
    error = find_error(text + "\n")
    assert error is not None
    assert error.kind is kind
    with pytest.raises(ParseError):
        parse_meminfo(text + "\n")
