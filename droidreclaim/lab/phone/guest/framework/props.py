"""System properties and the settings that ``settings`` and ``device_config`` keep."""

import threading
from collections.abc import Mapping

RELEASES = {
    28: "9",
    29: "10",
    30: "11",
    31: "12",
    32: "12",
    33: "13",
    34: "14",
    35: "15",
    36: "16",
    37: "17",
}
DEFAULT_SDK = 33
BUILD_PROP = "/system/build.prop"
_LMK = ("ro.lmk.", "persist.device_config.lmkd_native.")


def initial(sdk: int, build_prop: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of a pocket phone that plays release *sdk*."""
    values = {
        "dalvik.vm.heapsize": "512m",
        "init.svc.adbd": "running",
        "init.svc.lmkd": "running",
        "init.svc.zygote": "running",
        "persist.sys.locale": "en-US",
        "persist.sys.timezone": "GMT",
        "ro.build.characteristics": "default",
        "ro.build.type": "userdebug",
        "ro.build.version.codename": "REL",
        "ro.build.version.release": RELEASES.get(sdk, str(sdk)),
        "ro.build.version.sdk": str(sdk),
        "ro.config.low_ram": "false",
        "ro.debuggable": "1",
        "ro.hardware": "pocket",
        "ro.kernel.qemu": "1",
        "ro.product.brand": "droidreclaim",
        "ro.product.cpu.abi": "x86_64",
        "ro.product.cpu.abilist": "x86_64",
        "ro.product.cpu.abilist32": "",
        "ro.product.cpu.abilist64": "x86_64",
        "ro.product.device": "pocket",
        "ro.product.manufacturer": "droidreclaim",
        "ro.product.model": "Pocket Phone",
        "ro.product.name": "pocket",
        "ro.secure": "1",
        "ro.zygote": "zygote64",
        "sys.lmk.minfree_levels": "18432:0,23040:100,27648:200,32256:250,55296:900,80640:950",
        "sys.lmk.reportkills": "1",
    }
    return {**values, **build_prop}


def read_build_prop(path: str = BUILD_PROP) -> dict[str, str]:
    """Return the properties that init wrote for this boot; they override the defaults here."""
    try:
        with open(path) as file:
            rows = [line.strip().partition("=") for line in file if "=" in line]
    except FileNotFoundError:
        return {}
    return {name: value for name, _, value in rows}


class Properties:
    """Properties by name; safe to use from several threads."""

    def __init__(self, sdk: int, build_prop: Mapping[str, str]) -> None:
        self.sdk = sdk
        self._lock = threading.Lock()
        self._values = initial(sdk, build_prop)
        self.tables: dict[
            str, dict[str, str]
        ] = {}  # of `settings` (global ...) and `device_config` (namespaces)

    def get(self, name: str, default: str = "") -> str:
        with self._lock:
            return self._values.get(name, default)

    def set(self, name: str, value: str) -> bool:
        """Set a property; False for one that is read only and set already."""
        with self._lock:
            if name.startswith("ro.") and name in self._values:
                return False
            self._values[name] = value
        return True

    def setting(self, table: str, name: str, default: int) -> int:
        """Return a number of ``device_config``; *default* where there is none, or no number."""
        value = self.tables.get(table, {}).get(name, "")
        return int(value) if value.isdecimal() and len(value) < 10 else default

    def text(self) -> str:
        """Print ``getprop`` without a name."""
        with self._lock:
            rows = sorted(self._values.items())
        return "".join(f"[{name}]: [{value}]\n" for name, value in rows)

    def lmkd_settings(self) -> list[str]:
        """Return ``name=value`` for lmkd; device_config overrides ro.lmk (interfaces.md 1.6)."""
        with self._lock:
            found = {
                name.removeprefix(prefix): value
                for prefix in _LMK
                for name, value in self._values.items()
                if name.startswith(prefix)
            }
        return [f"{name}={value}" for name, value in found.items()]
