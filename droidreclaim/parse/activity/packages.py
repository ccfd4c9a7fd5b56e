"""Which package has which uid: ``pm list packages``, packages.list and ``dumpsys package``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows

PM_LIST = "pm list packages"
PACKAGES_LIST = "/data/system/packages.list"
DUMP = "dumpsys package"
CHECKIN = "dumpsys package --checkin"

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,254}")
_UID = re.compile(r"\d{1,9}")
_BLOCK = re.compile(r" *Package \[(?P<name>[^\]\s]{1,255})\] \([0-9a-f]{1,16}\).{0,60}:.{0,200}")
_SHARED_BLOCK = re.compile(r" *SharedUser \[(?P<name>[^\]\s]{1,255})\] \([0-9a-f]{1,16}\):")
_ID = re.compile(r" +(?:userId|appId)=(?P<id>\d{1,9})(?: .{0,2000})?")
_SHARED_REF = re.compile(
    r" +sharedUser=SharedUserSetting\{\S{1,16} (?P<name>\S{1,255})/(?P<id>\d{1,9})\}"
)
_CODE_PATH = re.compile(r" +codePath=(?P<path>/\S{0,1000})")
_USER = re.compile(r" +User (?P<id>\d{1,6}):(?P<flags> .{1,2000})")


@dataclass(frozen=True, slots=True)
class ListedPackage:
    """
    A row of ``pm list packages``; None or empty for what its options did not ask for.

    Attributes:
        uids: One for each user that has it, in the order of users (``-U``).
        path: Its APK (``-f``).
    """

    name: str
    uids: tuple[int, ...]
    path: str | None
    installer: str | None
    version_code: int | None


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """
    A row of packages.list.

    Attributes:
        uid: As for user 0; add user * 100000 for another.
        installer: Android 11 and later; ``@system`` and ``@product`` are not packages.
    """

    name: str
    uid: int
    debuggable: bool
    data_dir: str
    seinfo: str
    gids: tuple[int, ...]
    installer: str | None


@dataclass(frozen=True, slots=True)
class PackageUser:
    """How a package stands for one user; ``enabled`` 0 is the default, 2 and 3 are off."""

    user: int
    installed: bool | None
    stopped: bool | None
    enabled: int | None


@dataclass(frozen=True, slots=True)
class DumpedPackage:
    """
    A package of ``dumpsys package``.

    Attributes:
        uid: As for user 0, of its own or of the shared user it is in.
        hidden: The copy on the system image that an update replaced: not the live one.
    """

    name: str
    uid: int
    shared_user: str | None
    code_path: str | None
    users: tuple[PackageUser, ...]
    hidden: bool


@dataclass(frozen=True, slots=True)
class PackagesDump:
    """Packages and shared users (name and uid); the latter may have no package listed."""

    packages: tuple[DumpedPackage, ...]
    shared_users: tuple[tuple[str, int], ...]


def parse_pm_list(text: str) -> tuple[ListedPackage, ...]:
    """
    Read ``pm list packages`` with any of ``-U -f -i --show-versioncode``.

    Raises:
        ParseError: a line is no package, or there is none.
    """
    packages = []
    for number, line in answer_lines(PM_LIST, text):
        if not line:
            continue
        package = _listed(line.split()) if line.startswith("package:") else None
        if package is None:
            raise ParseError(PM_LIST, number, line)
        packages.append(package)
    if not packages:
        raise no_rows(PM_LIST, text, "package")
    return tuple(packages)


def _listed(tokens: list[str]) -> ListedPackage | None:
    # With -f "PATH=NAME": the path has "=" of its own, so the last one parts them.
    path, _, name = tokens[0].removeprefix("package:").rpartition("=")
    keys = {key: value for key, value in map(_key, tokens[1:]) if key}
    uids = keys["uid"].split(",") if "uid" in keys else []
    version = keys.get("versionCode", "")
    if not _NAME.fullmatch(name) or not all(_UID.fullmatch(uid) for uid in uids):
        return None
    if path and not path.startswith("/"):
        return None
    installer = keys.get("installer")
    return ListedPackage(
        name=name,
        uids=tuple(int(uid) for uid in uids),
        path=path or None,
        installer=None if installer == "null" else installer,
        version_code=int(version) if re.fullmatch(r"\d{1,18}", version) else None,
    )


def _key(token: str) -> tuple[str, str]:
    key, _, value = token.partition("=" if token.startswith("installer=") else ":")
    return key, value


def parse_packages_list(text: str) -> tuple[InstalledPackage, ...]:
    """
    Read packages.list: 6 columns until Android 9, 8 on 10, 10 since.

    Raises:
        ParseError: a row has other columns, or there is none.
    """
    packages = []
    for number, line in answer_lines(PACKAGES_LIST, text):
        if not line:
            continue
        package = _installed(line.split())
        if package is None:
            raise ParseError(PACKAGES_LIST, number, line)
        packages.append(package)
    if not packages:
        raise no_rows(PACKAGES_LIST, text, "package")
    return tuple(packages)


def _installed(cells: list[str]) -> InstalledPackage | None:
    if len(cells) < 6 or not _NAME.fullmatch(cells[0]) or not _UID.fullmatch(cells[1]):
        return None
    gids = [] if cells[5] == "none" else cells[5].split(",")
    if cells[2] not in ("0", "1") or not cells[3].startswith(("/", "null")):
        return None
    if not all(_UID.fullmatch(gid) for gid in gids):
        return None
    installer = cells[9] if len(cells) > 9 else None
    return InstalledPackage(
        name=cells[0],
        uid=int(cells[1]),
        debuggable=cells[2] == "1",
        data_dir=cells[3],
        seinfo=cells[4],
        gids=tuple(int(gid) for gid in gids),
        installer=None if installer == "@null" else installer,
    )


def parse_package_dump(text: str) -> PackagesDump:
    """
    Read the ``Package [..]`` and ``SharedUser [..]`` blocks of ``dumpsys package [PACKAGE]``.

    Raises:
        ParseError: a package has no uid, or there is no package.
    """
    lines = answer_lines(DUMP, text)
    packages = []
    shared = []
    for hidden, block in _blocks(lines):
        number, head = block[0]
        uid = next((int(m["id"]) for _, line in block if (m := _ID.fullmatch(line))), None)
        if match := _SHARED_BLOCK.fullmatch(head):
            if uid is not None:
                shared.append((match["name"], uid))
        elif match := _BLOCK.fullmatch(head):
            packages.append(_dumped(match["name"], uid, block, hidden=hidden))
        else:
            raise ParseError(DUMP, number, head)
    if not packages:
        raise no_rows(DUMP, text, "package")
    return PackagesDump(tuple(packages), tuple(shared))


def _blocks(lines: list[NumberedLine]) -> Iterator[tuple[bool, list[NumberedLine]]]:
    hidden = False
    block: list[NumberedLine] = []
    for number, line in lines:
        starts = line.lstrip().startswith(("Package [", "SharedUser ["))
        title = bool(line) and not line.startswith(" ")
        if block and (starts or title):
            yield hidden, block
            block = []
        if title:
            hidden = line.startswith("Hidden system packages:")
        if starts:
            block = [(number, line)]
        elif block:
            block.append((number, line))
    if block:
        yield hidden, block


def _dumped(
    name: str, uid: int | None, block: list[NumberedLine], *, hidden: bool
) -> DumpedPackage:
    shared = next((m for _, line in block if (m := _SHARED_REF.fullmatch(line))), None)
    path = next((m["path"] for _, line in block if (m := _CODE_PATH.fullmatch(line))), None)
    owner = uid if uid is not None else int(shared["id"]) if shared else None
    if owner is None:
        raise ParseError(DUMP, *block[0], hint="this package has no uid")
    users = (_user(m) for _, line in block if (m := _USER.fullmatch(line)))
    return DumpedPackage(
        name, owner, shared["name"] if shared else None, path, tuple(users), hidden
    )


def _user(match: re.Match[str]) -> PackageUser:
    pairs = (token.partition("=") for token in match["flags"].split())
    flags = {key: value for key, _, value in pairs}
    boolean = {"true": True, "false": False}
    enabled = flags.get("enabled", "")
    return PackageUser(
        user=int(match["id"]),
        installed=boolean.get(flags.get("installed", "")),
        stopped=boolean.get(flags.get("stopped", "")),
        enabled=int(enabled) if re.fullmatch(r"\d", enabled) else None,
    )


def parse_package_checkin(text: str) -> PackagesDump:
    """
    Read ``dumpsys package --checkin``: ``pkg`` and ``suid`` lines.

    Raises:
        ParseError: it is of another version, a line is short, or there is no package.
    """
    packages = []
    shared = []
    for number, line in answer_lines(CHECKIN, text):
        cells = line.split(",")
        if cells[0] == "pkg" and len(cells) > 2 and _UID.fullmatch(cells[2]):
            packages.append(DumpedPackage(cells[1], int(cells[2]), None, None, (), hidden=False))
        elif cells[0] == "suid" and len(cells) > 2 and _UID.fullmatch(cells[1]):
            shared.append((cells[2], int(cells[1])))
        elif cells[0] in ("pkg", "suid") or (cells[0] == "vers" and cells[1:2] != ["1"]):
            raise ParseError(CHECKIN, number, line)
    if not packages:
        raise no_rows(CHECKIN, text, "package")
    return PackagesDump(tuple(packages), tuple(shared))
