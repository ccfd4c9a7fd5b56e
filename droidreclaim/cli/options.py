"""Options that commands share, written once so that all of them spell alike."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from droidreclaim.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Capture = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="Read text, no device: dump, log, bug report (.txt, .gz, .zip), folder; - is stdin.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Also foreground, perceptible and persistent apps.")
]


@dataclass(frozen=True)
class Connection:
    """
    Which device, through which adb server, for how long, and how talkative.

    Attributes:
        serials: Devices by serial; more than one for a command that takes several.
        timeout_s: Deadline of each step that waits for the device.
        one_of_several: Whether other devices are worked on beside this one; no option.
    """

    serials: tuple[str, ...] = ()
    all_devices: bool = False
    usb: bool = False
    emulator: bool = False
    host: str | None = None
    port: int | None = None
    timeout_s: float | None = None
    adb_root: bool = False
    verbose: bool = False
    quiet: bool = False
    one_of_several: bool = False

    @property
    def serial(self) -> str | None:
        """The one device that is named; None where none is, or several are."""
        return self.serials[0] if len(self.serials) == 1 else None

    @property
    def several(self) -> bool:
        """Whether more than one device may be meant."""
        return self.all_devices or len(self.serials) > 1

    def over(self, other: Connection) -> Connection:
        """These options where given, else those of *other*."""
        given = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return replace(other, **given)


Values = Mapping[str, Any]
LONGEST_S = 86_400.0  # a day: more is a slip of the hand, and too much for a socket's timer

_PARAMETERS = {
    "serials": Annotated[
        list[str] | None,
        typer.Option(
            "-s", metavar="SERIAL",
            help="Device [$ANDROID_SERIAL]; for many at once, repeated.",
        ),
    ],
    "all_devices": Annotated[
        bool, typer.Option("--all-devices", help="Every attached device at once.")
    ],
    "usb": Annotated[bool, typer.Option("-d", help="The one USB device.")],
    "emulator": Annotated[
        bool, typer.Option("-e", help="The one emulator or TCP/IP device.")
    ],
    "host": Annotated[
        str | None, typer.Option("-H", metavar="HOST", help="adb server.")
    ],
    "port": Annotated[
        int | None,
        typer.Option(
            "-P", metavar="PORT", min=1, max=65535, help="adb server."
        ),
    ],
    "timeout_s": Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="S", min=0.1, max=LONGEST_S,
            help="Deadline of each step, default 30.",
        ),
    ],
    "adb_root": Annotated[
        bool,
        typer.Option(
            "--adb-root", help="Allow 'adb root', which restarts adbd."
        ),
    ],
    "verbose": Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more on stderr.")
    ],
    "quiet": Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on stderr.")
    ],
}  # fmt: skip


class OnEach(BaseException):
    """Raised once the command line made sense, where the command is to run on several devices."""


def with_connection(command: Callable[..., None]) -> Callable[..., None]:
    """
    Give a command the options that choose a device, of which it takes one.

    The command takes a keyword ``connection``. The same options before the command's name, as adb
    has them, are held in the context; those after it win.
    """

    def call_one(call: Callable[..., None], connection: Connection, _: Values) -> None:
        if connection.several:
            raise UsageError("this command takes one device", hint="one -s SERIAL")
        call(connection=connection)

    return _with_options(command, call_one)


def with_any_connection(command: Callable[..., None]) -> Callable[..., None]:
    """As `with_connection`, for a command that lists devices, or none at all."""
    return _with_options(command, lambda call, connection, _: call(connection=connection))


def with_connections(command: Callable[..., None]) -> Callable[..., None]:
    """As `with_connection`, for a command that is run on several devices at once when asked to."""

    def call_each(call: Callable[..., None], connection: Connection, values: Values) -> None:
        try:
            call(connection=connection)
        except OnEach:
            from droidreclaim.cli import several

            several.run(call, connection, values)

    return _with_options(command, call_each)


def _with_options(
    command: Callable[..., None],
    run: Callable[[Callable[..., None], Connection, Values], None],
) -> Callable[..., None]:
    @functools.wraps(command)
    def wrapper(ctx: typer.Context, **values: Any) -> None:
        given = {name: values.pop(name) for name in _PARAMETERS}
        given["serials"] = tuple(dict.fromkeys(given["serials"] or ()))
        before = ctx.obj if isinstance(ctx.obj, Connection) else Connection()
        if wants_context:
            values["ctx"] = ctx
        run(functools.partial(command, **values), Connection(**given).over(before), values)

    signature = inspect.signature(command, eval_str=True).parameters
    wants_context = "ctx" in signature
    own = [one for one in signature.values() if one.name not in ("ctx", "connection")]
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if field.name == "serials" else field.default,
            annotation=_PARAMETERS[field.name],
        )
        for field in fields(Connection)
        if field.name in _PARAMETERS
    ]
    keyword_only = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    parameters = [context, *keyword_only, *shared]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapper
