"""Start the framework of the pocket phone; start-framework.c runs this."""

import os
import threading

from .apps import DEFAULT_WISHES, LAUNCHER, SYSTEM_UI
from .commands import Services
from .links import AppGone
from .log import Log
from .manager import ActivityManager
from .packages import PackageManager
from .props import DEFAULT_SDK, Properties, read_build_prop
from .server import listen, serve
from .thermal import Thermal


def main() -> None:
    sdk = int(os.environ.get("DROID_API") or DEFAULT_SDK)
    props = Properties(sdk, read_build_prop())
    log = Log()
    server = listen()
    packages = PackageManager(sdk)
    am = ActivityManager(packages, log, props)
    threading.Thread(
        target=_boot, args=(am, os.environ.get("DROID_APPS", "default")), daemon=True
    ).start()
    serve(server, Services(am, log, props, Thermal()))


def _boot(am: ActivityManager, apps: str) -> None:
    """Start what every phone has, say that it is up, and then fill it with apps."""
    am.start_persistent(am.packages.install(SYSTEM_UI))
    launcher = am.packages.install(LAUNCHER)
    wished = [am.packages.install(wish) for wish in DEFAULT_WISHES] if apps == "default" else []
    am.start_activity(launcher)
    am.props.set("dev.bootcomplete", "1")
    am.props.set("sys.boot_completed", "1")
    for app in wished:
        try:
            am.start_activity(app)
        except AppGone:
            continue
    if wished:
        am.go_home()
    am.props.set("pocket.settled", "1")


if __name__ == "__main__":
    main()
