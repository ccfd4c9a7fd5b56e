"""``pocket``, which is not a command of Android: what a real phone cannot be asked, as JSON."""

import json
import os

from . import memory, screen
from .apps import MIB, Process, Wish
from .endings import call
from .limiter import Limits
from .links import AppGone
from .log import Log
from .manager import ALL, ActivityManager
from .reply import Reply
from .wake import wake

USAGE = """pocket: not an Android command; what the pocket phone's apps can be asked
  pocket apps                      packages with code, their processes, heaps and seeds
  pocket verify [PACKAGE|all]      read and check every page of every live app
  pocket score PACKAGE             the score in the game's heap, null when it does not run
  pocket install PACKAGE SIZE [SEED] [--game] [--remote] [--isolated] [--service] [--perceptible]
                                   [--debuggable]: run-as may become it
                                   SIZE in MiB; a running process keeps its old heap
  pocket call PACKAGE              a call over binder, as from another app: a frozen one dies of it
  pocket hold PACKAGE SIZE         it holds SIZE in MiB beside its heap; 0 gives it back
  pocket child PACKAGE             it starts a process of its own
  pocket beat on|off               background work of the apps
  pocket reuse PERCENT             of what an app uses at a resume, that is of the last one's;
                                   under 100 a collector moves all but games; of apps started later
  pocket killer on|off             lmkd; off leaves only the kernel's own OOM killer
  pocket limits MEM SWAP MEM SWAP  the memory limiter's, in MiB: of an app in front, of one behind
  pocket stat                      what the framework itself needs
  pocket wake SECONDS HEX          the time, and random bytes, for a phone restored from its state
  pocket ui, pocket screen         the views on the screen, as XML; the screen, as PNG
  pocket tally                     what the apps felt since boot: resumes checked, longest stall
"""


def run(am: ActivityManager, log: Log, words: list[str], reply: Reply) -> int:
    """Run one ``pocket`` command and return its exit status."""
    verb, *rest = words or [""]
    if verb in ("ui", "screen", "tally"):
        return (_tally if verb == "tally" else _show)(am, verb, reply)
    if verb == "apps":
        answer: object = {"apps": [_app(am, name) for name in am.packages.apps]}
    elif verb == "verify":
        answer = _verify(am, rest[0] if rest else "all")
    elif verb in _OF_PACKAGE and rest:
        answer = _OF_PACKAGE[verb](am, rest[0])
    elif verb in _OF_PACKAGE_AND_SIZE and len(rest) >= 2:
        answer = _OF_PACKAGE_AND_SIZE[verb](am, rest)
    elif verb in ("beat", "killer") and rest and rest[0] in ("on", "off"):
        (am.set_beats if verb == "beat" else am.lmkd.switch)(rest[0] == "on")
        answer = {verb: rest[0] == "on"}
    elif verb == "reuse" and rest and rest[0].isdecimal() and int(rest[0]) <= ALL:
        am.reuse_percent = int(rest[0])
        answer = {"reuse_percent": am.reuse_percent}
    elif verb == "limits" and len(rest) == 4:
        front, swap, behind, swap_behind = (int(float(word) * MIB) for word in rest)
        am.limiter.limits = Limits((front, swap), (behind, swap_behind))
        am.watch.soon()
        answer = am.limiter.limits._asdict()
    elif verb == "stat":
        used = memory.status(os.getpid())
        answer = {
            "pid": os.getpid(),
            "rss_bytes": used.rss_bytes,
            "rss_anon_bytes": used.anon_bytes,
        }
    elif verb == "wake" and len(rest) == 2:
        wake(am, log, float(rest[0]), bytes.fromhex(rest[1]))
        answer = {"awake": True}
    else:
        reply.err(USAGE)
        return 2
    reply.out(json.dumps(answer) + "\n")
    if not isinstance(answer, dict):
        return 0
    return 1 if answer.get("bad") or answer.get("error") else 0


def _tally(am: ActivityManager, verb: str, reply: Reply) -> int:
    reply.out(json.dumps(vars(am.tally)) + "\n")
    return 0


def _show(am: ActivityManager, verb: str, reply: Reply) -> int:
    """Print what is on the screen; nothing is there between two apps."""
    process = am.top()
    shown = screen.views(process) if process is not None and process.activity else []
    if verb == "screen":
        reply.out(screen.picture(shown).decode("utf-8", "surrogateescape"))
        return 0
    if process is None or not shown:
        return 1
    reply.out(screen.hierarchy(process.app.name, shown))
    return 0


def _child(am: ActivityManager, name: str) -> dict[str, object]:
    mains = [one for one in am.processes(name) if one.main]
    try:
        return {"started": [pid for one in mains for pid in am.phantoms.start(one, 1)]}
    except AppGone as error:
        return {"error": str(error)}


def _hold(am: ActivityManager, words: list[str]) -> dict[str, object]:
    name, size, *_ = words
    mains = [one for one in am.processes(name) if one.main]
    try:
        size_bytes = int(size) * MIB
        answers = [one.ask(f"hold {size_bytes}") for one in mains]
    except (AppGone, ValueError) as error:
        return {"error": str(error)}
    failed = [answer for answer in answers if answer[:1] != ["ok"]]
    if failed or not mains:
        return {"error": " ".join(failed[0]) if failed else f"{name} does not run"}
    return {"package": name, "held_bytes": size_bytes}


def _call(am: ActivityManager, name: str) -> dict[str, object]:
    return {"ended": [one.pid for one in am.processes(name) if call(am, one)]}


def _app(am: ActivityManager, name: str) -> dict[str, object]:
    app = am.packages.apps[name]
    processes = am.processes(name)
    main = next((process for process in processes if process.main), None)
    return {
        "package": name,
        "uid": app.package.uid,
        "heap_bytes": app.heap_bytes,
        "seed": app.seed,
        "game": app.game,
        "pid": main.pid if main else None,
        "state": main.rank.state if main and main.rank else None,
        "processes": [_process(process) for process in processes],
    }


def _process(process: Process) -> dict[str, object]:
    return {
        "pid": process.pid,
        "name": process.name,
        "uid": process.uid,
        "oom_score_adj": process.rank.adj if process.rank else None,
    }


def _verify(am: ActivityManager, name: str) -> dict[str, object]:
    """Check the processes one after the other; one that dies meanwhile is reported as gone."""
    rows = []
    for process in am.processes(None if name == "all" else name):
        row: dict[str, object] = {
            "package": process.app.name,
            "pid": process.pid,
            "name": process.name,
        }
        try:
            pages, bad, first_bad, took_us, faults = am.check(process, "verify")
        except AppGone:
            rows.append(row | {"gone": True})
            continue
        first = None if first_bad < 0 else first_bad
        rows.append(
            row
            | {
                "pages": pages,
                "bad": bad,
                "first_bad": first,
                "took_us": took_us,
                "major_faults": faults,
            }
        )
    return {
        "pages": sum(int(str(row.get("pages", 0))) for row in rows),
        "bad": sum(int(str(row.get("bad", 0))) for row in rows),
        "processes": rows,
    }


def _score(am: ActivityManager, name: str) -> dict[str, object]:
    process = next((process for process in am.processes(name) if process.main), None)
    if process is None:
        return {"package": name, "pid": None, "score": None}
    try:
        answer = process.ask("score")
    except AppGone:
        return {"package": name, "pid": None, "score": None}
    return {
        "package": name,
        "pid": process.pid,
        "score": int(answer[1]) if answer[0] == "score" else None,
    }


def _install(am: ActivityManager, words: list[str]) -> dict[str, object]:
    flags = frozenset(word.removeprefix("--") for word in words if word.startswith("--"))
    name, size, *seed = [word for word in words if not word.startswith("--")]
    try:
        wish = Wish(name, int(float(size) * MIB), int(seed[0]) if seed else 1, flags)
        am.packages.install(wish)
    except ValueError as error:
        return {"error": str(error)}
    return _app(am, name)


_OF_PACKAGE_AND_SIZE = {"install": _install, "hold": _hold}
_OF_PACKAGE = {"score": _score, "call": _call, "child": _child}
