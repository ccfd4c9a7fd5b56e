"""Every way Android writes a uid, to a number."""

from __future__ import annotations

import re

from droidreclaim.model import (
    FIRST_APP_ID,
    FIRST_APP_ZYGOTE_ID,
    FIRST_ISOLATED_ID,
    USER_RANGE,
)

_FIRST_SHARED_GID = 50_000  # "all_a68": the app's group shared by all users
# "u0_a68_cache" and so on: groups of an app, and the user of its SDK sandbox (Android 13).
_FIRST_OF_SUFFIX = {
    "_cache": 20_000, "_sdk_sandbox": 20_000, "_ext": 30_000, "_ext_cache": 40_000,
}  # fmt: skip

_PLAIN = re.compile(r"\d{1,10}")
# u0a90, u10s1000, u0i5, u0a276i5, u0ai0, u0a91i-8996 (UserHandle.formatUid)
_DUMP = re.compile(
    r"u(?P<user>\d{1,4})"
    r"(?:s(?P<system>\d{1,5})|a?(?P<app>\d{1,9})?)(?P<isolated>i-?\d{1,5})?"
)
# u0_a90, u0_i9000, u10_system: user names of ps, top and id (bionic's getpwuid)
_PASSWD = re.compile(
    r"u(?P<user>\d{1,4})_(?P<kind>[ai])(?P<number>\d{1,5})"
    r"(?P<suffix>_cache|_ext|_ext_cache|_sdk_sandbox)?"
)
_SANDBOX = re.compile(r"u\d{1,4}a1\d{4}")
_OEM = re.compile(r"oem_(\d{4,5})")
_OLD_APP = re.compile(r"app_(\d{1,4})")
_SHARED = re.compile(r"all_a(\d{1,5})")

# Fixed users of every Android (system/core android_filesystem_config.h): names seen in ps and id.
_SYSTEM_USERS = {
    "root": 0, "daemon": 1, "bin": 2, "sys": 3, "system": 1000, "radio": 1001, "bluetooth": 1002,
    "graphics": 1003, "input": 1004, "audio": 1005, "camera": 1006, "log": 1007, "compass": 1008,
    "mount": 1009, "wifi": 1010, "adb": 1011, "install": 1012, "media": 1013, "dhcp": 1014,
    "sdcard_rw": 1015, "vpn": 1016, "keystore": 1017, "usb": 1018, "drm": 1019, "mdnsr": 1020,
    "gps": 1021, "media_rw": 1023, "mtp": 1024, "drmrpc": 1026, "nfc": 1027, "sdcard_r": 1028,
    "clat": 1029, "loop_radio": 1030, "mediadrm": 1031, "package_info": 1032, "sdcard_pics": 1033,
    "sdcard_av": 1034, "sdcard_all": 1035, "logd": 1036, "shared_relro": 1037, "dbus": 1038,
    "tlsdate": 1039, "mediaex": 1040, "audioserver": 1041, "metrics_coll": 1042, "metricsd": 1043,
    "webserv": 1044, "debuggerd": 1045, "mediacodec": 1046, "cameraserver": 1047, "firewall": 1048,
    "trunks": 1049, "nvram": 1050, "dns": 1051, "dns_tether": 1052, "webview_zygote": 1053,
    "vehicle_network": 1054, "media_audio": 1055, "media_video": 1056, "media_image": 1057,
    "tombstoned": 1058, "media_obb": 1059, "ese": 1060, "ota_update": 1061,
    "automotive_evs": 1062, "lowpan": 1063, "hsm": 1064, "reserved_disk": 1065, "statsd": 1066,
    "incidentd": 1067, "secure_element": 1068, "lmkd": 1069, "llkd": 1070, "iorapd": 1071,
    "gpu_service": 1072, "network_stack": 1073, "gsid": 1074, "fsverity_cert": 1075,
    "credstore": 1076, "external_storage": 1077, "ext_data_rw": 1078, "ext_obb_rw": 1079,
    "context_hub": 1080, "virtualizationservice": 1081, "artd": 1082, "uwb": 1083,
    "thread_network": 1084, "diced": 1085, "dmesgd": 1086, "jc_weaver": 1087,
    "jc_strongbox": 1088, "jc_identitycred": 1089, "sdk_sandbox": 1090,
    "security_log_writer": 1091, "prng_seeder": 1092, "uprobestats": 1093, "cros_ec": 1094,
    "mmd": 1095, "shell": 2000, "cache": 2001, "diag": 2002, "net_bt_admin": 3001,
    "net_bt": 3002, "inet": 3003, "net_raw": 3004, "net_admin": 3005, "net_bw_stats": 3006,
    "net_bw_acct": 3007, "readproc": 3009, "wakelock": 3010, "uhid": 3011, "readtracefs": 3012,
    "everybody": 9997, "misc": 9998, "nobody": 9999,
}  # fmt: skip


def uid_of(printed: str) -> int | None:
    """
    The uid a text stands for, None when it is none of the known forms.

    Covers dumps (``u0a90``, ``u10s1000``, ``u0i5``, ``u0a276i5``, ``u0a91i-8996``), user names
    (``u0_a90``, ``app_59``, ``system``), group names of ``id`` and plain numbers. For an isolated
    process of an app (``u0a276i5``) this is the uid it runs under (99005), not the app's.
    """
    if _PLAIN.fullmatch(printed):
        return int(printed)
    dumped = _dump_uid(printed)
    return _named_uid(printed) if dumped is None else dumped


def uid_of_record(printed: str) -> int | None:
    """As `uid_of`, where ``u0a10123`` is the SDK sandbox of app 123 (20123): in UidRecord."""
    uid = uid_of(printed)
    return uid + FIRST_APP_ID if uid is not None and _SANDBOX.fullmatch(printed) else uid


def owner_uid_of(printed: str) -> int | None:
    """The uid of the app that owns an isolated process (``u0a276i5`` is 10276), if it is named."""
    match = _DUMP.fullmatch(printed)
    if match is None or match["isolated"] is None:
        return None
    base = int(match["user"]) * USER_RANGE
    if match["system"] is not None:
        return base + int(match["system"])
    return None if match["app"] is None else base + FIRST_APP_ID + int(match["app"])


def user_of(uid: int) -> int:
    """Android user of a uid: 0 the owner, 10 a work profile, 999 a dual app."""
    return uid // USER_RANGE


def app_id_of(uid: int) -> int:
    """The uid without its user, as packages.list and ``pm list packages`` of user 0 give it."""
    return uid % USER_RANGE


def _dump_uid(printed: str) -> int | None:
    match = _DUMP.fullmatch(printed)
    if match is None or printed == f"u{match['user']}":
        return None
    base = int(match["user"]) * USER_RANGE
    if match["isolated"] is not None:
        return _isolated(
            base,
            int(match["isolated"][1:]),
            has_owner=match["app"] is not None or match["system"] is not None,
            app_zygote=printed.startswith(f"u{match['user']}ai"),
        )
    if match["system"] is not None:
        return base + int(match["system"])
    if match["app"] is None or not printed.startswith(f"u{match['user']}a"):
        return None
    app = int(match["app"])
    # A window's Session prints the whole uid after "u0a": u0a10178 is 10178, not 20178.
    return base + (app % USER_RANGE if app >= FIRST_APP_ID else FIRST_APP_ID + app)


def _isolated(base: int, number: int, *, has_owner: bool, app_zygote: bool) -> int:
    # "u0a91i-8996" is counted from 99000 down, "u0ai0" from 90000 up.
    return (
        base + (FIRST_APP_ZYGOTE_ID if app_zygote and not has_owner else FIRST_ISOLATED_ID) + number
    )


def _named_uid(printed: str) -> int | None:
    if printed in _SYSTEM_USERS:
        return _SYSTEM_USERS[printed]
    if old := _OLD_APP.fullmatch(printed):
        return FIRST_APP_ID + int(old[1])
    if oem := _OEM.fullmatch(printed):
        return int(oem[1])
    if shared := _SHARED.fullmatch(printed):
        return _FIRST_SHARED_GID + int(shared[1])
    match = _PASSWD.fullmatch(printed)
    if match is None:
        return _named_uid_of_user(printed)
    first = FIRST_APP_ZYGOTE_ID if match["kind"] == "i" else FIRST_APP_ID
    first = _FIRST_OF_SUFFIX.get(match["suffix"], first)
    return int(match["user"]) * USER_RANGE + first + int(match["number"])


def _named_uid_of_user(printed: str) -> int | None:
    user, _, name = printed.partition("_")  # "u10_system"
    if name not in _SYSTEM_USERS or re.fullmatch(r"u\d{1,4}", user) is None:
        return None
    return int(user[1:]) * USER_RANGE + _SYSTEM_USERS[name]
