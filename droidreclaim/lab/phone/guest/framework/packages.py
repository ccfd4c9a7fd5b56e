"""The package manager: what is installed, and the files that say so."""

import os
import random
import shutil

from . import dump_packages
from .apps import EVERY_FLAG, FIXED_UIDS, SYSTEM_PACKAGES, App, Wish
from .records import Package

APK_BYTES = 256 << 10
SECOND_USER = 10


class PackageManager:
    """
    Installed packages and apps, kept in memory and written to /data/system/packages.list.

    Args:
        root: What stands before /data; the tests' own directory on a host.
    """

    def __init__(self, sdk: int, root: str = "") -> None:
        self.sdk = sdk
        self._root = root
        self.packages: dict[str, Package] = {package.name: package for package in SYSTEM_PACKAGES}
        self.apps: dict[str, App] = {}

    def install(self, wish: Wish) -> App:
        """
        Install an app, or give an installed one another size.

        Raises:
            ValueError: a flag is not known, or the heap is smaller than 1 MiB.
        """
        unknown = wish.flags - EVERY_FLAG
        if unknown or wish.heap_bytes < 1 << 20:
            raise ValueError(
                f"unknown: {', '.join(sorted(unknown))}" if unknown else "a heap has 1 MiB or more"
            )
        held = self.packages.get(wish.name)
        uid = (
            held.uid
            if held
            else FIXED_UIDS.get(wish.name) or dump_packages.new_uid(self.packages.values())
        )
        system = bool(wish.flags & {"persistent", "home"})
        package = Package(
            wish.name,
            uid,
            self._write_apk(wish, system),
            users=(0, SECOND_USER) if wish.name == "com.example.chat" else (0,),
            system=system,
            identity=uid * 40503 & 0xFFFFFFF,
            gids=(3003,),
            debuggable="debuggable" in wish.flags,
        )
        app = App(
            package, wish.heap_bytes, wish.seed, **{flag: flag in wish.flags for flag in EVERY_FLAG}
        )
        self.packages[wish.name], self.apps[wish.name] = package, app
        self._write_list()
        return app

    def of_user(self, name: str, user: int) -> App | None:
        """Return the app of one user of the phone; None where that user has not got it."""
        app = self.apps.get(name)
        return app._replace(user=user) if app and user in app.package.users else None

    def uninstall(self, name: str) -> None:
        """Remove an app, its file and its line; the caller has to end its processes first."""
        del self.apps[name]
        shutil.rmtree(os.path.dirname(self._root + self.packages.pop(name).apk))
        self._write_list()

    def _write_apk(self, wish: Wish, system: bool) -> str:
        """Write the file that the app maps, and return its path."""
        token = f"{wish.seed:016x}"
        folder = (
            f"/system/app/{wish.name}"
            if system
            else f"/data/app/~~{token}==/{wish.name}-{token[::-1]}=="
        )
        os.makedirs(self._root + folder, exist_ok=True)
        with open(f"{self._root}{folder}/base.apk", "wb") as file:
            file.write(random.Random(wish.seed).randbytes(APK_BYTES))
        return f"{folder}/base.apk"

    def _write_list(self) -> None:
        os.makedirs(f"{self._root}/data/system", exist_ok=True)
        path = f"{self._root}/data/system/packages.list"
        with open(f"{path}.tmp", "w") as file:
            file.write(dump_packages.packages_list(self.packages.values(), self.sdk))
        os.replace(f"{path}.tmp", path)
