"""What the screen shows: views of the app in front, as ``uiautomator dump`` has them and as PNG."""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from .apps import Process

WIDTH, HEIGHT = 320, 480
_PAPER, _INK, _KEY = 244, 24, 208  # shades of grey
_DOT = 4  # pixels for each dot of a letter
# Letters of 3 by 5 dots: an octal digit a row, its bits from left to right.
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_"
_SHAPES = (
    "75557 26227 71747 71717 55711 74717 74757 71122 75757 75717 25755 65656 34443 65556 74647"
    " 74644 34553 55755 72227 11152 55655 44447 57755 65555 25552 65644 25573 65655 34216 72222"
    " 55557 55552 55775 55255 55222 71247 00002 02020 00700 00007"
)
_LETTERS = dict(zip(_ALPHABET, _SHAPES.split(), strict=True))
_QUOTED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class View(NamedTuple):
    """One view; *bounds* are left, top, right and bottom in pixels."""

    kind: str
    bounds: tuple[int, int, int, int]
    text: str = ""
    ident: str = ""
    clickable: bool = False
    focused: bool = False

    def holds(self, x: int, y: int) -> bool:
        left, top, right, bottom = self.bounds
        return left <= x < right and top <= y < bottom


_FIELD = (40, 320, 280, 360)


def views(process: Process) -> list[View]:
    """Return the views of an app: of the game its score, a button and a field for a name."""
    app = process.app
    if not app.game or not process.main:
        return [View("TextView", (20, 60, 300, 100), app.name.rpartition(".")[2])]
    score = process.ask("score")[1]
    own = f"{app.name}:id/"
    return [
        View("TextView", (40, 60, 280, 100), f"Score: {score}", f"{own}score"),
        View("Button", (60, 200, 260, 280), "Play", f"{own}play", clickable=True),
        View("EditText", _FIELD, process.typed, f"{own}player", True, process.focused),
    ]


def tap(process: Process, x: int, y: int) -> None:
    """Tap the screen: the field takes the focus, anywhere else plays."""
    process.focused = process.app.game and View("EditText", _FIELD).holds(x, y)
    if not process.focused:
        process.ask("tap")


def hierarchy(package: str, shown: Sequence[View]) -> str:
    """Print what ``uiautomator dump`` writes: all views below one frame."""
    frame = View("FrameLayout", (0, 0, WIDTH, HEIGHT))
    nodes = "".join(_node(number, package, view) + " />" for number, view in enumerate(shown))
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
    return f'{head}<hierarchy rotation="0">{_node(0, package, frame)}>{nodes}</node></hierarchy>\n'


def _node(number: int, package: str, view: View) -> str:
    left, top, right, bottom = view.bounds
    values = {
        "index": str(number), "text": view.text, "resource-id": view.ident,
        "class": f"android.widget.{view.kind}", "package": package, "content-desc": "",
        "checkable": "false", "checked": "false", "clickable": _word(view.clickable),
        "enabled": "true", "focusable": _word(view.clickable), "focused": _word(view.focused),
        "scrollable": "false", "long-clickable": "false", "password": "false", "selected": "false",
        "bounds": f"[{left},{top}][{right},{bottom}]",
    }  # fmt: skip
    return "<node " + " ".join(f'{name}="{_quoted(value)}"' for name, value in values.items())


def _quoted(text: str) -> str:
    return "".join(_QUOTED.get(letter, letter) for letter in text)


def _word(value: bool) -> str:
    return "true" if value else "false"


def picture(shown: Sequence[View]) -> bytes:
    """Draw the views as a PNG in shades of grey."""
    rows = [bytearray([_PAPER]) * WIDTH for _ in range(HEIGHT)]
    for view in shown:
        left, top, right, bottom = view.bounds
        if view.clickable:
            for row in rows[top:bottom]:
                row[left:right] = bytes([_KEY]) * (right - left)
        _write(rows, view.text, left + 8, (top + bottom) // 2 - 5 * _DOT // 2, right)
    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _write(rows: list[bytearray], text: str, left: int, top: int, right: int) -> None:
    for at, letter in enumerate(text.upper()):
        x = left + at * 4 * _DOT
        if x + 3 * _DOT > right:
            return
        for number, digit in enumerate(_LETTERS.get(letter, "00000")):
            dots = "".join("#" if int(digit) >> bit & 1 else " " for bit in (2, 1, 0))
            for row in rows[top + number * _DOT : top + (number + 1) * _DOT]:
                for column, dot in enumerate(dots):
                    if dot == "#":
                        start = x + column * _DOT
                        row[start : start + _DOT] = bytes([_INK]) * _DOT


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
