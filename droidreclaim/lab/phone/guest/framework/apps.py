"""The packages of the pocket phone and the processes they run."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from .links import Channel
from .oomadj import Rank
from .records import Package
from .text import USER_UIDS

MIB = 1 << 20
WORKING_SET_PERMILLE = 300


class App(NamedTuple):
    """
    An installed package that has code to run.

    Attributes:
        remote: It has a second process, ``NAME:remote``, of a quarter of the heap.
        isolated: It has a sandboxed process under a uid of its own, of a quarter of the heap.
        user: Whose it is: each user of the phone has an app of its own of the same package.
    """

    package: Package
    heap_bytes: int
    seed: int
    game: bool = False
    remote: bool = False
    isolated: bool = False
    service: bool = False
    perceptible: bool = False
    persistent: bool = False
    home: bool = False
    debuggable: bool = False
    user: int = 0

    @property
    def name(self) -> str:
        return self.package.name

    @property
    def uid(self) -> int:
        return self.user * USER_UIDS + self.package.uid

    @property
    def key(self) -> tuple[str, int]:
        """Return what tells the app from all others: the package, and whose it is."""
        return self.name, self.user

    @property
    def component(self) -> str:
        return f"{self.package.name}/.Main"


UNRANKED = Rank(-10000, "CEM", "b", " ", "----", "")  # ProcessList.INVALID_ADJ: not ranked yet


class Process:
    """
    One running process of an app.

    Attributes:
        activity: Its window still exists.
        gone: It was killed, or hung up; the zygote has not reported its death yet.
        group: Its cgroup; there is none before Android 15.
        frozen: ActivityManager froze it; *written_back*: its pages in zram are in flash now.
        cached_s: Since when it has been cached, while it is; *frozen_s* likewise.
        busy: Lock held while the process is asked; *owed*: what to ask first once it has thawed.
        wake: Called to thaw the process.
        limits: memory.high and memory.swap.max as last written.
        typed: What was typed into the field of its screen; it goes with the process.
        focused: That field takes what is typed.
        why_killed: Reason, subreason and description for the exit record, of a kill of our own.
    """

    def __init__(self, app: App, pid: int, name: str, *, uid: int, channel: Channel) -> None:
        self.app = app
        self.pid = pid
        self.name = name
        self.uid = uid
        self.channel = channel
        self.started_s = self.active_s = time.monotonic()
        self.rank: Rank | None = None
        self.main = name == app.name
        self.activity = self.main and not app.persistent
        self.task = 0
        self.sequence = 0
        self.trim_level = 0
        self.why_killed: tuple[int, int, str | None] | None = None
        self.gone = False
        self.group = ""
        self.frozen = self.written_back = False
        self.frozen_s = 0.0
        self.cached_s: float | None = None
        self.busy = threading.Lock()
        self.owed: list[str] = []
        self.wake: Callable[[], None] = lambda: None
        self.limits: tuple[int | str, int | str] | None = None
        self.typed, self.focused = "", False

    def ask(self, question: str) -> list[str]:
        """
        Thaw the process, ask it, and return the words of its answer.

        Raises:
            AppGone: the process is dead, or does not answer.
        """
        with self.busy:
            self.wake()
            while self.owed:
                self.channel.ask(self.owed.pop(0))
            return self.channel.ask(question)

    @property
    def identity(self) -> int:
        """Return the hash that stands for this process in dumps."""
        return (self.pid * 2654435761 ^ self.app.seed * 40503) & 0xFFFFFFF


class Wish(NamedTuple):
    """What ``pocket install`` asks for."""

    name: str
    heap_bytes: int
    seed: int
    flags: frozenset[str] = frozenset()


DEFAULT_WISHES = (
    Wish("com.example.game", 24 * MIB, 1, frozenset({"game"})),
    Wish("com.example.mail", 24 * MIB, 2, frozenset({"remote"})),
    Wish("com.example.browser", 32 * MIB, 3, frozenset({"isolated"})),
    Wish("com.example.chat", 20 * MIB, 4),
    Wish("com.example.photos", 28 * MIB, 5),
    Wish("com.example.notes", 16 * MIB, 6),
)
SYSTEM_UI = Wish("com.android.systemui", 8 * MIB, 1001, frozenset({"persistent"}))
LAUNCHER = Wish("com.android.launcher3", 12 * MIB, 1002, frozenset({"home"}))
SYSTEM_PACKAGES = (  # without code here, but with the shared uids a phone has
    Package(
        "android",
        1000,
        "/system/framework/framework-res.apk",
        shared_user="android.uid.system",
        system=True,
    ),
    Package(
        "com.android.settings",
        1000,
        "/system/priv-app/Settings/Settings.apk",
        shared_user="android.uid.system",
        system=True,
    ),
    Package(
        "com.android.shell",
        2000,
        "/system/priv-app/Shell/Shell.apk",
        shared_user="android.uid.shell",
        system=True,
    ),
    Package(
        "com.android.providers.contacts",
        10026,
        "/system/priv-app/ContactsProvider/ContactsProvider.apk",
        shared_user="android.uid.shared",
        system=True,
    ),
    Package(
        "com.android.providers.userdictionary",
        10026,
        "/system/app/UserDictionaryProvider/UserDictionaryProvider.apk",
        shared_user="android.uid.shared",
        system=True,
    ),
)
FIXED_UIDS = {"com.android.systemui": 10086, "com.android.launcher3": 10081}
EVERY_FLAG = frozenset(
    {"game", "remote", "isolated", "service", "perceptible", "persistent", "home", "debuggable"}
)
