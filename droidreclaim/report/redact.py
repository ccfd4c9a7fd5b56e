"""What names a person or one device, taken out of text that is to be shown to others. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORTEST_SECRET = 4  # shorter ones would blacken half of the text

# The order counts: an e-mail address holds words, a MAC address looks like part of an IPv6 one.
_PATTERNS = (
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<email>"),
    (re.compile(r"(?i)\baccount\s*\{[^}\n]{0,200}\}"), "<account>"),
    # A network's name may have several words: it ends with its quotes, else with the line.
    (re.compile(r"(?i)\b(?:wifi_)?b?ssid\b[\"']?[=:\]\[ ]{1,4}(?:\"[^\"\n]*\"|[^\n]*)"), "<id>"),
    (re.compile(
        r"(?i)\b(?:host|imei|imsi|iccid|serialno|android_id|hostname)\b[=:\]\[ ]{1,4}[^\s\]]+"
    ), "<id>"),
    (re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"), "<mac>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4})(?![\w:])"), "<ip>"),
    (re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4}\b"),
     "<ip>"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])"), "<ip>"),
    (re.compile(r"(?<![\w+])\+\d[\d ().-]{6,18}\d\b"), "<phone>"),
    (re.compile(r"(?<![\w.-])\(?\d{3}\)?[ -]\d{3}[ -]\d{4}(?![\w.])"), "<phone>"),
    (re.compile(r"(?<![\w.])\d{15}(?![\w.])"), "<imei>"),
    (re.compile(r"(?<![\w.-])\d{2}-?\d{6}-\d{6}-\d{1,2}(?![\w.-])"), "<imei>"),
    # A trunk 0 and a group of at least two digits: "0171 1234567", "030/1234-567", "(0171) 1234567"
    (re.compile(r"(?<![\w.,:-])\(?0[1-9]\d{1,4}\)?[ /-]\d{2,8}(?:[ -]\d{2,8}){0,3}(?![\w.:])"),
     "<phone>"),
    (re.compile(r"/(?:home|Users)/[^/\s]+"), "/home/<user>"),
)  # fmt: skip


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """
    *text* without serials (*secrets*, wherever they stand), accounts, addresses and numbers.

    Rather too much than too little: what remains need not be complete, it must be harmless.
    """
    for secret in sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len)[::-1]:
        text = re.sub(re.escape(secret), "<serial>", text, flags=re.IGNORECASE)
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    return text
