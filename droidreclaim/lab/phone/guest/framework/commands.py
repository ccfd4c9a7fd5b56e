"""The commands of the shell that the framework answers."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import (
    am_commands,
    dump_activity,
    dump_graphics,
    dump_meminfo,
    dump_packages,
    dump_processes,
    meminfo,
    pocket,
    screen,
    starts,
)
from .apps import Process
from .log import BUFFERS, DEFAULT_BUFFERS, Log, line
from .manager import ActivityManager
from .props import Properties
from .reply import Reply
from .stamp import stamp
from .thermal import Thermal

KEYCODE_HOME, KEYCODE_BACK = ("3", "KEYCODE_HOME", "HOME"), ("4", "KEYCODE_BACK", "BACK")
FOLLOW_S = 0.5
SETTINGS_TABLES = ("system", "secure", "global")


class Services(NamedTuple):
    """What a command can use."""

    am: ActivityManager
    log: Log
    props: Properties
    thermal: Thermal


def run(services: Services, words: list[str], reply: Reply) -> int:
    """Run one command and return its exit status."""
    handler = _HANDLERS.get(words[0]) if words else None
    if handler is None:
        reply.err(f"{words[0] if words else 'client'}: unknown command\n")
        return 127
    return handler(services, words[1:], reply)


def _getprop(services: Services, words: list[str], reply: Reply) -> int:
    if words:
        reply.out(services.props.get(words[0], words[1] if len(words) > 1 else "") + "\n")
    else:
        reply.out(services.props.text())
    return 0


def _setprop(services: Services, words: list[str], reply: Reply) -> int:
    if len(words) != 2:
        reply.err("usage: setprop NAME VALUE\n")
        return 1
    name, value = words
    if not services.props.set(name, value):
        reply.err(f"Failed to set property '{name}' to '{value}'.\nSee dmesg for error reason.\n")
        return 1
    if name == "lmkd.reinit":
        for setting in services.props.lmkd_settings():
            services.am.lmkd.set(setting)
    return 0


def _table(services: Services, words: list[str], reply: Reply) -> int:
    """``settings`` and ``device_config``: get, put, delete and list of names in a table."""
    verb, *rest = words or [""]
    if verb == "list" and len(rest) == 1:
        rows = services.props.tables.get(rest[0], {})
        reply.out("".join(f"{name}={value}\n" for name, value in sorted(rows.items())))
        return 0
    if len(rest) < 2 or verb not in ("get", "put", "delete"):
        reply.err("usage: get|put|delete|list TABLE [NAME [VALUE]]\n")
        return 255
    table = services.props.tables.setdefault(rest[0], {})
    if verb == "get":
        reply.out(table.get(rest[1], "null") + "\n")
    elif verb == "delete":
        found = table.pop(rest[1], None) is not None
        text = f"Deleted {int(found)} rows\n"
        reply.out(
            text
            if rest[0] in SETTINGS_TABLES
            else f"Successfully deleted {rest[1]} from {rest[0]}\n"
        )
    else:
        table[rest[1]] = rest[2] if len(rest) > 2 else ""
        if rest[0] == "lmkd_native":
            services.props.set(f"persist.device_config.lmkd_native.{rest[1]}", table[rest[1]])
            services.am.lmkd.set(f"{rest[1]}={table[rest[1]]}")
    return 0


def _input(services: Services, words: list[str], reply: Reply) -> int:
    process = services.am.top()
    if words[:1] == ["tap"] and len(words) == 3:
        if process is not None:
            screen.tap(process, int(float(words[1])), int(float(words[2])))
        return 0
    if words[:1] == ["text"] and len(words) == 2:
        if process is not None and process.focused:
            process.typed += words[1].replace("%s", " ")
        return 0
    if words[:1] == ["keyevent"] and len(words) == 2:
        if words[1] in KEYCODE_HOME:
            services.am.go_home()
        elif words[1] in KEYCODE_BACK:
            services.am.go_back()
        return 0
    reply.err("Error: Invalid arguments for command: " + " ".join(words[:1]) + "\n")
    return 255


def _option(words: list[str], name: str) -> str | None:
    """Return the word after *name*, or None when it is not there."""
    return words[words.index(name) + 1] if name in words[:-1] else None


def _logcat(services: Services, words: list[str], reply: Reply) -> int:
    buffers = [
        name
        for at, word in enumerate(words[:-1])
        if word == "-b"
        for name in words[at + 1].split(",")
    ]
    if "all" in buffers:
        buffers = list(BUFFERS)
    unknown = [name for name in buffers if name not in BUFFERS]
    if unknown:
        reply.err(f"Unknown -b buffer '{unknown[0]}'\n")
        return 1
    buffers = buffers or list(DEFAULT_BUFFERS)
    if "-c" in words:
        services.log.clear(buffers)
        return 0
    count = _option(words, "-t")
    lines = _log_lines(
        services.log,
        buffers,
        _option(words, "-v") or "threadtime",
        follow=not ({"-d", "-t"} & set(words)),
    )
    if count is not None:
        lines = iter(list(lines)[-int(count) :])
    for text in lines:
        if not reply.out(text):
            break
    return 0


def _log_lines(log: Log, buffers: list[str], form: str, follow: bool) -> Iterator[str]:
    """Yield lines; while following, also empty ones, to find out whether somebody still reads."""
    last, begun = 0, set()
    form, with_uid = ("threadtime", True) if form == "uid" else (form, False)
    while True:
        for entry in log.read(buffers, last):
            last = entry.number
            if entry.buffer not in begun:
                begun.add(entry.buffer)
                yield f"--------- beginning of {entry.buffer}\n"
            yield line(entry, form, with_uid) + "\n"
        if not follow:
            return
        log.wait(last, FOLLOW_S)
        yield ""


def _dumpsys(services: Services, words: list[str], reply: Reply) -> int:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-t", "-T") else words[1:]
    service, *rest = words or [""]
    printers: dict[str, Callable[[], str]] = {
        "activity": lambda: _dump_activity(services, rest),
        "gfxinfo": lambda: _dump_graphics(services, rest),
        "meminfo": lambda: _dump_meminfo(services, rest),
        "package": lambda: dump_packages.dump(
            services.am.packages.packages.values(), services.am.sdk, *rest[:1]
        ),
        "window": lambda: dump_activity.window(services.am.phone()),
    }
    if services.am.sdk >= 29:
        printers["thermalservice"] = services.thermal.dump
    if service not in printers:
        reply.out(f"Can't find service: {service}\n")
        return 0
    reply.out(printers[service]())
    return 0


def _dump_meminfo(services: Services, words: list[str]) -> str:
    names = [word for word in words if not word.startswith("-")]
    phone = services.am.phone()
    if not names:
        return dump_meminfo.device(meminfo.device(phone))
    chosen = [
        proc for proc in phone.procs if names[0] in (str(proc.pid), proc.name, *proc.packages)
    ]
    if not chosen:
        return f"No process found for: {names[0]}\n"
    return dump_meminfo.apps(
        meminfo.uptime_ms(), [(proc, meminfo.mappings(proc.pid)) for proc in chosen]
    )


def _dump_graphics(services: Services, words: list[str]) -> str:
    """Frames of the apps that draw; a frozen one cannot be asked, as on a phone."""
    am = services.am
    drawing = [one for one in am.processes() if one.main and one.activity]
    chosen = [one for one in drawing if not words or words[0] in (one.name, str(one.pid))]
    if not chosen:
        return f"No process found for: {words[0]}\n" if words else ""
    return dump_graphics.gfxinfo(
        meminfo.uptime_ms(), am.sdk, [(one.pid, one.name, _frames(one)) for one in chosen]
    )


def _frames(process: Process) -> list[int] | None:
    return None if process.frozen else [int(word) for word in process.ask("frames")[1:]]


def _dump_activity(services: Services, words: list[str]) -> str:
    am = services.am
    what, *rest = words or ["processes"]
    names = [word for word in rest if not word.startswith("-")]
    if what == "exit-info" and am.sdk >= 30:
        return dump_activity.exit_info(list(am.deaths.exits), stamp(am.booted_s), stamp, *names[:1])
    if what == "start-info" and am.sdk >= starts.FIRST_SDK:
        return am.starts.text(*names[:1])
    if what == "settings":
        return dump_activity.settings(
            am.sdk,
            am_commands.constants(am),
            am_commands.optimizer(am),
            am.compactor.counts,
            [proc for proc in am.phone().procs if proc.frozen],
        )
    if what == "lmk" and am.sdk >= 29:
        return dump_activity.lmk(am.deaths.kills_by_adj)
    phone = am.phone()
    printers = {
        "processes": dump_processes.processes,
        "p": dump_processes.processes,
        "oom": dump_processes.oom,
        "o": dump_processes.oom,
        "lru": dump_processes.lru,
        "activities": dump_activity.activities,
        "a": dump_activity.activities,
    }
    if what not in printers:
        return dump_processes.unknown(what)
    return printers[what](phone)


def _cmd(services: Services, words: list[str], reply: Reply) -> int:
    """``cmd SERVICE ...`` is ``am`` or ``pm`` under another name."""
    names = {
        "activity": "am",
        "package": "pm",
        "settings": "settings",
        "device_config": "device_config",
    }
    if words[:1] == ["thermalservice"] and services.am.sdk >= 29:
        return services.thermal.run(words[1:], reply)
    if not words or words[0] not in names:
        reply.err(f"cmd: Can't find service: {words[0] if words else ''}\n")
        return 20
    return run(services, [names[words[0]], *words[1:]], reply)


def _pm(services: Services, words: list[str], reply: Reply) -> int:
    packages = services.am.packages.packages
    if words[:2] == ["list", "packages"]:
        rest = words[2:]
        user = _option(rest, "--user")
        names = [
            word
            for at, word in enumerate(rest)
            if not word.startswith("-") and rest[at - 1 : at] != ["--user"]
        ]
        reply.out(
            dump_packages.pm_list(
                packages.values(),
                uid="-U" in rest,
                path="-f" in rest,
                user=None if user in ("all", None) else int(user),
                words=names[0] if names else "",
            )
        )
        return 0
    if words[:2] == ["list", "users"]:
        reply.out(
            "Users:\n\tUserInfo{0:Owner:c13} running\n\tUserInfo{10:Work profile:1030} running\n"
        )
        return 0
    if words[:1] == ["path"] and len(words) == 2:
        package = packages.get(words[1])
        if package is None:
            return 1
        reply.out(f"package:{package.apk}\n")
        return 0
    if words[:2] == ["resolve-activity", "--brief"]:
        app = services.am.packages.apps.get(words[-1])
        match = "priority=0 preferredOrder=0 match=0x108000 specificIndex=-1 isDefault=true\n"
        reply.out(f"{match}{app.component}\n" if app else "No activity found\n")
        return 0
    if words[:1] == ["uninstall"] and len(words) == 2:
        if words[1] not in services.am.packages.apps:
            reply.out("Failure [DELETE_FAILED_INTERNAL_ERROR]\n")
            return 1
        services.am.force_stop(words[1])
        services.am.packages.uninstall(words[1])
        reply.out("Success\n")
        return 0
    reply.out(f"Unknown command: {words[0] if words else ''}\n")
    return 255


def _am(services: Services, words: list[str], reply: Reply) -> int:
    return am_commands.run(services.am, words, reply)


def _pocket(services: Services, words: list[str], reply: Reply) -> int:
    return pocket.run(services.am, services.log, words, reply)


_HANDLERS: dict[str, Callable[[Services, list[str], Reply], int]] = {
    "am": _am,
    "cmd": _cmd,
    "device_config": _table,
    "dumpsys": _dumpsys,
    "getprop": _getprop,
    "input": _input,
    "logcat": _logcat,
    "pm": _pm,
    "pocket": _pocket,
    "setprop": _setprop,
    "settings": _table,
}
