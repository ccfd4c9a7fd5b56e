"""The doctor's judgement, and the text it writes for others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from droidreclaim.device.host import Host
from droidreclaim.helper.wire import Backend
from droidreclaim.inspect import doctor
from droidreclaim.inspect.ask import Answer
from droidreclaim.inspect.checks import Facts, device_checks, host_checks
from droidreclaim.model.check import Check, CheckState
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.report.doctor import doctor_json, report_text

OK, WARN, FAIL, UNKNOWN = CheckState.OK, CheckState.WARN, CheckState.FAIL, CheckState.UNKNOWN
_SWAPS = "Filename Type Size Used Priority\n"


def checks(facts: Facts) -> dict[str, Check]:
    return {check.name: check for check in device_checks(facts)}


def answered(**texts: str) -> Facts:
    return Facts({name.replace("__", "-"): Answer(text, 0) for name, text in texts.items()})


@pytest.mark.parametrize(
    ("facts", "name", "state", "words"),
    [
        (answered(swaps=_SWAPS), "swap", FAIL, "none"),
        (answered(swaps=_SWAPS + "/dev/block/sda9 file 1000 10 -2\n"), "swap", WARN, "on flash"),
        (answered(swaps=_SWAPS + "/dev/block/zram0 partition 1000 950 -2\n"), "swap", WARN, "used"),
        (answered(swaps=_SWAPS + "/dev/block/zram0 partition 1000 10 -2\n"), "swap", OK, "zram0"),
        (answered(swaps="rubbish"), "swap", UNKNOWN, "cannot read"),
        (answered(swaps=_SWAPS, zram="/sys/block/zram0/comp_algorithm:lzo [lz4] zstd"),
         "zram algorithm", OK, "zram0: lz4 of"),
        (answered(swaps=_SWAPS, zram="/sys/block/zram0/backing_dev:/dev/block/loop7"),
         "zram writeback", WARN, "loop7"),
        (answered(process_reclaim="1"), "process_reclaim", WARN, "there: 1"),
        (answered(process_reclaim="0"), "process_reclaim", OK, "off"),
        (answered(hybridswap="/sys/block/zram0/hybridswap_enable"), "hybridswap", WARN, "there"),
        (answered(rtmm="/proc/rtmm"), "rtmm", WARN, "there"),
        (answered(damon_reclaim="Y"), "damon_reclaim", WARN, "there: Y"),
        (answered(mglru="5000"), "mglru", WARN, "min_ttl_ms 5000"),
        (answered(mglru="0"), "mglru", OK, "min_ttl_ms 0"),
        (answered(selinux="Enforcing"), "selinux", OK, "enforcing"),
        (Facts({"psi": Answer("cat: /proc/pressure/memory: Permission denied", 1)}),
         "psi", WARN, "EACCES"),
        (Facts({}, no_root="no root: su: not found"), "root", FAIL, "su: not found"),
        (Facts({}, backends={"pageout": Backend(name="pageout", works=False, errno=None,
                                                why="nothing moved")}),
         "page-out", FAIL, "none of the backends"),
        (Facts({}, backends={"proc_reclaim": Backend(name="proc_reclaim", works=False,
                                                     errno="EPERM", why=None)}),
         "backend proc_reclaim", WARN, "EPERM"),
    ],
)  # fmt: skip
def test_a_fact_is_judged(facts: Facts, name: str, state: CheckState, words: str) -> None:
    check = checks(facts)[name]
    assert check.state is state
    assert words in check.fact


def test_without_root_it_says_what_root_would_add() -> None:
    check = checks(Facts({}, no_root="no root: su: not found"))["root"]
    assert check.todo is not None
    assert "root adds" in check.todo


def test_real_settings_are_judged(capture: Callable[[str], str]) -> None:
    properties = parse_getprop(capture("getprop/android13-mtk_tb8168-healer.txt"))
    name = "dumpsys_activity_settings/android13-mtk_tb8168-healer-cachedappoptimizer.txt"
    facts = Facts({"am-settings": Answer(capture(name), 0)}, properties=properties)
    seen = checks(facts)
    assert seen["am compact"].state is WARN
    assert "use_compaction=false" in seen["am compact"].fact
    assert seen["lmkd medium"].fact == "902 (ro.lmk.medium)"
    assert seen["lmkd thrashing_limit"].fact == "100 (default)"
    assert "SDK 33" in seen["android"].fact


@pytest.mark.parametrize(
    ("host", "name", "state"),
    [
        (Host("/bin/adb", "36.0.0", 41, "adb server", 41), "adb server", OK),
        (Host("/bin/adb", "36.0.0", 41, "adb server", 40), "adb server", WARN),
        (Host("/bin/adb", "36.0.0", 42, "adb server", 41), "adb server", WARN),
        (Host("/bin/adb", "36.0.0", 41, "adb server", None), "adb server", FAIL),
        (Host(None, None, None, "adb server", 41), "adb", WARN),
    ],
)
def test_the_near_side_is_judged_too(host: Host, name: str, state: CheckState) -> None:
    seen = {check.name: check for check in host_checks(host, 0.01)}
    assert seen[name].state is state


def test_a_report_holds_no_owner_of_the_phone() -> None:
    facts = Facts(
        {"kernel": Answer("6.1.0 on R58M12ABCDE by jane@example.com", 0)},
        properties={
            "ro.product.model": "R58M12ABCDE", "ro.serialno": "R58M12ABCDE",
            "ro.lmk.debug": "192.168.1.2", "gsm.operator.alpha": "Carrier",
            "ro.build.version.sdk": "34", "persist.wifi.mac": "aa:bb:cc:dd:ee:ff",
        },
    )  # fmt: skip
    text = report_text(
        device_checks(facts),
        doctor.raw_texts(facts),
        "0.1",
        doctor.secrets_of(facts, "R58M12ABCDE"),
    )
    for token in ("R58M12", "jane", "192.168", "Carrier", "aa:bb"):
        assert token not in text
    assert "6.1.0" in text
    assert "[ro.build.version.sdk]: [34]" in text


def test_json_holds_every_check_with_its_state() -> None:
    [row] = doctor_json([Check("swap", FAIL, "none", "do")])["checks"]
    assert row == {"name": "swap", "state": "fail", "fact": "none", "todo": "do"}


def test_a_backend_that_nobody_needs_is_no_warning() -> None:
    works = Backend(name="pageout", works=True, errno=None, why=None)
    denied = Backend(name="proc_reclaim", works=False, errno="ENOENT", why=None)
    found = {
        check.name: check
        for check in device_checks(Facts({}, backends={"pageout": works, "proc_reclaim": denied}))
    }
    assert found["backend proc_reclaim"].state is OK
    assert "ENOENT" in found["backend proc_reclaim"].fact
    assert "not needed" in found["backend proc_reclaim"].fact


def lines(properties: dict[str, str] | None = None, **texts: str) -> dict[str, Check]:
    """The doctor's lines by name, of what a device's commands printed."""
    answers = {name.replace("_on", "-on"): Answer(text, 0) for name, text in texts.items()}
    facts = Facts({"swaps": Answer("Filename\tType\tSize\tUsed\tPriority\n", 0)} | answers,
                  properties=properties or {})  # fmt: skip
    return {one.name: one for one in device_checks(facts)}


@pytest.mark.parametrize(("mask", "word"), [("0x0007", "on"), ("0x0001", "on"), ("0x0000", "off")])
def test_doctor_says_which_lru_the_kernel_has(mask: str, word: str) -> None:
    assert lines(mglru="0\n", mglru_on=f"{mask}\n")["mglru"].fact == f"{word}, min_ttl_ms 0"
    assert lines(mglru="0\n", mglru_on="what\n")["mglru"].fact == "min_ttl_ms 0"


def test_what_lies_in_flash_is_told_and_nothing_where_nothing_ever_did() -> None:
    zram = "/sys/block/zram0/bd_stat:{}\n/sys/block/zram0/recomp_algorithm:#1: lz4 [zstd]\n"
    told = lines(zram=zram.format("     2560      256     5120"))
    fact = told["zram in flash"].fact
    assert fact == (
        "zram0: 10.0 MiB of swap lies there, 20.0 MiB written and 1.0 MiB read back since boot"
    )
    assert told["zram recompression"].fact == "zram0: #1: lz4 [zstd]"
    for nothing in ("0 0 0", "", "1 2", "x y z"):
        assert "zram in flash" not in lines(zram=zram.format(nothing))


def test_mmd_has_a_line_where_there_is_one_and_a_warning_where_it_writes_to_flash() -> None:
    assert "mmd" not in lines({"ro.zram": "1"})
    quiet = lines({"mmd.zram.enabled": "true"})["mmd"]
    assert (quiet.state, quiet.fact) == (CheckState.OK, "mmd.zram.enabled=true")
    writes = lines({"mmd.zram.enabled": "true", "mmd.zram.writeback.enabled": "true"})["mmd"]
    assert writes.state is CheckState.WARN
    assert writes.todo


_EMULATOR = {"ro.kernel.qemu": "1", "ro.build.type": "userdebug"}
_GIB_KB = 1024 * 1024


@pytest.mark.parametrize(
    ("properties", "avd", "ram_kb", "name", "state", "words"),
    [
        ({"ro.build.type": "user"}, None, 4 * _GIB_KB, "emulator image", WARN, "user build"),
        ({}, {"image.sysdir.1": "system-images/android-34/google_apis_playstore/x86_64/"},
         4 * _GIB_KB, "emulator image", WARN, "google_apis_playstore"),
        ({}, {"image.sysdir.1": "system-images/android-34/google_apis/x86_64/"},
         4 * _GIB_KB, "emulator image", OK, "userdebug build"),
        ({}, None, 2 * _GIB_KB, "emulator RAM", OK, "not known here"),
        ({}, {"hw.ramSize": "4096"}, 2 * _GIB_KB, "emulator RAM", WARN,
         "asks for 4.0 GiB, it has 2.0 GiB"),
        ({}, {"hw.ramSize": "4G"}, 4 * _GIB_KB * 9 // 10, "emulator RAM", OK, "of 4.0 GiB"),
        ({}, {"hw.ramSize": "1536MB"}, _GIB_KB * 14 // 10, "emulator RAM", WARN,
         "asks for 1.5 GiB"),
        ({}, {"hw.ramSize": "9" * 900}, _GIB_KB, "emulator RAM", OK, "not known here"),
        ({"ro.config.low_ram": "true"}, None, 2 * _GIB_KB, "low-RAM device", WARN, "2 GB"),
    ],
)  # fmt: skip
def test_an_emulator_is_held_to_what_was_asked_of_it(
    properties: dict[str, str], avd: dict[str, str] | None, ram_kb: int, name: str,
    state: CheckState, words: str,
) -> None:  # fmt: skip
    answers = {"meminfo": Answer(f"MemTotal: {ram_kb} kB\nMemFree: 10 kB\n", 0)}
    found = checks(Facts(answers, properties=_EMULATOR | properties, avd=avd))
    assert found[name].state is state
    assert words in found[name].fact
    assert (found[name].todo is not None) == (state is WARN)


def test_a_phone_has_no_emulators_lines() -> None:
    facts = Facts({}, properties={"ro.build.type": "user"}, avd={"hw.ramSize": "2048"})
    assert not any("emulator" in name for name in checks(facts))
