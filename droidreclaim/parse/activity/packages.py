"""Which package has which uid: ``pm list packages`` and packages.list."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import answer_lines, no_rows

PM_LIST = "pm list packages"
PACKAGES_LIST = "/data/system/packages.list"

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,254}")
_UID = re.compile(r"\d{1,9}")


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
