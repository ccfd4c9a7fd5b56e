"""Text of a device made harmless for a terminal."""

from __future__ import annotations

import unicodedata


def safe(text: str) -> str:
    """
    *text* of a device, harmless on a terminal.

    Control characters (C0, C1, ESC), bidi overrides and other invisible formatting become
    ``\\xNN`` or ``\\uNNNN``; everything printable stays.
    """
    return "".join(_escape(char) if _is_unsafe(char) else char for char in text)


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
