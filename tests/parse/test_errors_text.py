"""Error texts are told from answers, and say what they are about."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.text.errors import ErrorKind, find_error

CAPTURES = {
    "am_start_security_exception-android12-tv_xgimi_z6x": (ErrorKind.SECURITY, "10068"),
    "avc_connectto_shell-aosp_docs": (ErrorKind.SELINUX, "connectto"),
    "avc_syslog_read-selinux_notebook": (ErrorKind.SELINUX, "syslog_read"),
    "drop_caches_permission_denied-android12-tv_xgimi_z6x": (ErrorKind.PERMISSION, "drop_caches"),
    "dumpsys_activity_bad_command-emulator_funnyenglish": (ErrorKind.UNKNOWN_COMMAND, "com.funny"),
    "dumpsys_activity_permission_denial-app_shell_wrapped": (ErrorKind.SECURITY, "uid=10217"),
    "dumpsys_gfxinfo_no_process-emulator_funnyenglish": (ErrorKind.NO_PROCESS, "com.funnyenglish"),
    "dumpsys_package_unknown-emulator_funnyenglish": (ErrorKind.NO_PACKAGE, "com.funnyenglish.app"),
    "dumpsys_permission_denial_from_app-android12-tv_xgimi_z6x": (ErrorKind.SECURITY, "Battery"),
    "kill_not_permitted-android12-tv_xgimi_z6x": (ErrorKind.PERMISSION, "4460"),
    "pm_disable_user_security_exception-android12-tv_xgimi_z6x": (ErrorKind.SECURITY, "doubanfm"),
    "pm_disable_user_unknown_package-android12-tv_xgimi_z6x": (ErrorKind.NO_PACKAGE, "notexist"),
    "sh_su_inaccessible-samsung_s906n": (ErrorKind.NO_COMMAND, "su"),
    "smaps_rollup_permission_denied-android12-tv_xgimi_z6x": (ErrorKind.PERMISSION, "/proc/3309/"),
    "top_s_not_integer-android12-tv_xgimi_z6x": (ErrorKind.BAD_ARGUMENT, "cpu"),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_each_captured_error_is_classified(name, capture):
    kind, subject = CAPTURES[name]
    error = find_error(capture(f"errors/{name}.txt"))
    assert error is not None
    assert error.kind is kind
    assert subject in error.subject


@pytest.mark.parametrize(
    ("text", "kind", "subject"),
    [
        ("Can't find service: nosuch\n", ErrorKind.NO_SERVICE, "nosuch"),
        ("sh: su: not found\r\n", ErrorKind.NO_COMMAND, "su"),
        ("<stdin>[1]: procrank: inaccessible or not found\n", ErrorKind.NO_COMMAND, "procrank"),
        ("Error: Unknown option: -U\n", ErrorKind.UNKNOWN_COMMAND, "-U"),
        ("Error: unknown command 'compact'\n", ErrorKind.UNKNOWN_COMMAND, "compact"),
        ("error: device offline\n", ErrorKind.ADB, "device offline"),
        ("cat: /proc/1/smaps: No such file or directory\n", ErrorKind.NO_FILE, "/proc/1/smaps"),
        ("java.lang.SecurityException: user 10\n\tat a.b\n", ErrorKind.SECURITY, "user 10"),
        ("Killed \r\n", ErrorKind.CRASHED, "Killed"),
        (
            "cmd: Failure calling service a: Broken pipe (32)",
            ErrorKind.FAILED,
            "a: Broken pipe (32)",
        ),
        ("java.lang.NullPointerException\n", ErrorKind.CRASHED, "java.lang.NullPointerException"),
    ],
)
def test_texts_of_shells_and_frameworks_are_known(text, kind, subject):
    error = find_error(text)
    assert error is not None
    assert (error.kind, error.subject) == (kind, subject)


def test_a_permissive_denial_stopped_nothing():
    assert find_error("avc: denied { read } for pid=1 permissive=1\n") is None


def test_words_of_an_error_far_down_are_data():
    assert find_error("row\n" * 20 + "x: not found\n") is None


def test_a_dump_timeout_is_found_wherever_it_stands():
    text = "row\n" * 5000 + "*** SERVICE 'meminfo' DUMP TIMEOUT (10000ms) EXPIRED ***\n"
    error = find_error(text)
    assert error is not None
    assert (error.kind, error.subject, error.line_number) == (ErrorKind.TIMEOUT, "meminfo", 5001)


def test_a_parser_names_the_error_line_and_the_reason():
    with pytest.raises(ParseError, match="no such service: activity") as caught:
        parse_settings("\nCan't find service: activity\n")
    assert (caught.value.source, caught.value.line_number) == ("dumpsys activity settings", 2)


def test_a_header_without_a_table_is_refused(capture):
    text = capture("errors/dumpsys_meminfo_header_only-emulator_funnyenglish.txt")
    with pytest.raises(ParseError, match=r"13418.*died meanwhile"):
        parse_meminfo_app(text)
