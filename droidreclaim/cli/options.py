"""Options that commands share, written once so that all of them spell alike."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Capture = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="Captured text, no device: dump, bug report (.txt, .gz, .zip), folder; - is stdin.",
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
        timeout_s: Deadline of each step that waits for the device.
    """

    serial: str | None = None
    usb: bool = False
    emulator: bool = False
    host: str | None = None
    port: int | None = None
    timeout_s: float | None = None
    adb_root: bool = False
    verbose: bool = False
    quiet: bool = False

    def over(self, other: Connection) -> Connection:
        """These options where given, else those of *other*."""
        given = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return replace(other, **given)


LONGEST_S = 86_400.0  # a day: more is a slip of the hand, and too much for a socket's timer

_PARAMETERS = {
    "serial": Annotated[
        str | None,
        typer.Option(
            "-s", metavar="SERIAL", help="Device [$ANDROID_SERIAL]."
        ),
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


def with_connection(command: Callable[..., None]) -> Callable[..., None]:
    """
    Give a command the options that choose a device.

    The command takes a keyword ``connection``. The same options before the command's name, as adb
    has them, are held in the context; those after it win.
    """

    @functools.wraps(command)
    def wrapper(ctx: typer.Context, **values: Any) -> None:
        own = Connection(**{name: values.pop(name) for name in _PARAMETERS})
        before = ctx.obj if isinstance(ctx.obj, Connection) else Connection()
        if wants_context:
            values["ctx"] = ctx
        command(**values, connection=own.over(before))

    signature = inspect.signature(command, eval_str=True).parameters
    wants_context = "ctx" in signature
    own = [one for one in signature.values() if one.name not in ("ctx", "connection")]
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=_PARAMETERS[field.name],
        )
        for field in fields(Connection)
    ]
    keyword_only = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    parameters = [context, *keyword_only, *shared]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapper
