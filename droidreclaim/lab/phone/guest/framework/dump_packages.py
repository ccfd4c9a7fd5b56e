"""``pm list packages``, ``dumpsys package`` and /data/system/packages.list."""

from collections.abc import Iterable

from .records import Package
from .text import FIRST_APP_UID, USER_UIDS


def uid_of(package: Package, user: int) -> int:
    return user * USER_UIDS + package.uid


def pm_list(
    packages: Iterable[Package], *, uid: bool, path: bool, user: int | None, words: str = ""
) -> str:
    """
    Print ``pm list packages``.

    Args:
        user: Only that user's packages; None: every user, uids comma-separated in one row.
        words: Only packages whose name contains it: Android's filter is no prefix.
    """
    lines = []
    for package in packages:
        users = [number for number in package.users if user in (None, number)]
        if not users or words not in package.name:
            continue
        name = f"{package.apk}={package.name}" if path else package.name
        uids = ",".join(str(uid_of(package, number)) for number in users)
        lines.append(f"package:{name} uid:{uids}" if uid else f"package:{name}")
    return "".join(line + "\n" for line in lines)


def packages_list(packages: Iterable[Package], sdk: int) -> str:
    """Print packages.list: 6 columns up to Android 9, 8 on Android 10, 10 since."""
    lines = []
    for package in packages:
        seinfo = "platform:privapp" if package.system else "default"
        gids = ",".join(str(gid) for gid in package.gids) or "none"
        home = f"/data/user/0/{package.name}"
        columns = [
            package.name,
            str(package.uid),
            str(int(package.debuggable)),
            home,
            f"{seinfo}:targetSdkVersion={sdk}",
            gids,
        ]
        if sdk >= 29:
            columns += ["0", str(package.version)]
        if sdk >= 30:
            columns += ["1", "@system" if package.system else "@null"]
        lines.append(" ".join(columns))
    return "".join(line + "\n" for line in lines)


def _block(package: Package, sdk: int) -> list[str]:
    folder = package.apk.rpartition("/")[0]
    flags = (
        "SYSTEM HAS_CODE ALLOW_CLEAR_USER_DATA"
        if package.system
        else "HAS_CODE ALLOW_CLEAR_USER_DATA"
    )
    if package.debuggable:
        flags = f"DEBUGGABLE {flags}"
    lines = [f"  Package [{package.name}] ({package.identity:x}):"]
    lines.append(f"    {'appId' if sdk >= 34 else 'userId'}={package.uid}")
    if package.shared_user:
        lines.append(
            f"    sharedUser=SharedUserSetting"
            f"{{{package.uid:x} {package.shared_user}/{package.uid}}}"
        )
    lines += [
        f"    pkg=Package{{{package.identity ^ 0xABC:x} {package.name}}}",
        f"    codePath={folder}",
        f"    resourcePath={folder}",
        f"    legacyNativeLibraryDir={folder}/lib",
        "    primaryCpuAbi=x86_64",
        "    secondaryCpuAbi=null",
        f"    versionCode={package.version} minSdk=24 targetSdk={sdk}",
        f"    versionName={package.version}.0",
        "    splits=[base]",
        "    apkSigningVersion=3",
        f"    flags=[ {flags} ]",
        f"    dataDir=/data/user/0/{package.name}",
        f"    pkgFlags=[ {flags} ]",
    ]
    for user in package.users:
        lines.append(
            f"    User {user}: ceDataInode={package.uid * 4} installed=true hidden=false"
            " suspended=false distractionFlags=0 stopped=false notLaunched=false enabled=0"
            " instant=false virtual=false"
        )
    return lines


def dump(packages: Iterable[Package], sdk: int, name: str | None = None) -> str:
    """Print ``dumpsys package [NAME]``."""
    chosen = [package for package in packages if name in (None, package.name)]
    if not chosen:
        return f"Unable to find package: {name}\n"
    lines = ["Packages:"]
    for package in chosen:
        lines += _block(package, sdk)
    shared = {package.shared_user: package.uid for package in chosen if package.shared_user}
    if shared:
        lines += ["", "Shared users:"]
    for user, uid in shared.items():
        lines += [
            f"  SharedUser [{user}] ({uid:x}):",
            f"    {'appId' if sdk >= 34 else 'userId'}={uid}",
        ]
    return "\n".join(lines) + "\n"


def new_uid(packages: Iterable[Package]) -> int:
    """Return the next free uid of an app that shares it with nobody."""
    return (
        max(
            (package.uid for package in packages if package.uid >= FIRST_APP_UID + 100),
            default=FIRST_APP_UID + 99,
        )
        + 1
    )
