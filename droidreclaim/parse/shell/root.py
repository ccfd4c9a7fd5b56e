"""Ways to root: the answers of ``id``, ``su -v``, and of a su that refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.parse.text.answer import answer_lines, no_rows

_ID_PART = re.compile(r"(?P<number>[0-9]{1,10})(?:\((?P<name>[^()\s,]{1,64})\))?")
_ID = re.compile(
    r"uid=(?P<uid>\S{1,80}) gid=(?P<gid>\S{1,80})(?: euid=(?P<euid>\S{1,80}))?(?: egid=\S{1,80})?"
    r"(?: groups=(?P<groups>[^\s=]{1,8000}(?:, ?[^\s=]{1,80}){0,99}))?"
    r"(?:,? context=(?P<context>\S{1,300}))?"
)
_SU_VERSION = re.compile(r"(?P<version>[0-9][\w.+-]{0,40}):(?P<name>[A-Za-z][\w-]{1,32})")
_SU_BARE = re.compile(r"v?(?P<version>[0-9]{1,9}(?:\.[0-9]{1,6}){0,3})(?P<rest>[-\w.+ ()@]{0,80})")


@dataclass(frozen=True, slots=True)
class Identity:
    """
    The answer of ``id``.

    Attributes:
        uid: The effective one, which decides.
        user: Name of the uid, when it has one.
        groups: Numbers, in the order printed; empty where toolbox printed none.
        context: SELinux context (``u:r:magisk:s0``), None without SELinux.
    """

    uid: int
    user: str | None
    gid: int
    groups: tuple[int, ...]
    context: str | None

    @property
    def is_root(self) -> bool:
        """Whether commands run as uid 0; SELinux may still deny them."""
        return self.uid == 0

    @property
    def domain(self) -> str | None:
        """Third part of the context: ``shell``, ``su``, ``magisk``, ``ksu``."""
        parts = self.context.split(":") if self.context else []
        return parts[2] if len(parts) > 2 else None


@dataclass(frozen=True, slots=True)
class SuVersion:
    """
    The answer of ``su -v``.

    Attributes:
        version: ``30.7``; a bare number from ``su -V``.
        manager: ``MAGISKSU``, ``SUPERSU``, ``KernelSU``; None where it does not name itself.
    """

    version: str
    manager: str | None


class SuRefusal(StrEnum):
    """Why su gave no root."""

    MISSING = "missing"
    DENIED = "denied"
    NO_COMMAND_OPTION = "no -c option"
    UNKNOWN = "unknown"


# AOSP's su takes a user first and knows no -c ("su: invalid uid/gid '-c'"), Magisk and KernelSU
# the other way about.
_REFUSALS = (
    ("inaccessible or not found", SuRefusal.MISSING),
    ("not found", SuRefusal.MISSING),
    ("no such file or directory", SuRefusal.MISSING),
    ("invalid uid/gid '-c'", SuRefusal.NO_COMMAND_OPTION),
    ("invalid uid/gid '--", SuRefusal.NO_COMMAND_OPTION),
    ("unknown id: -c", SuRefusal.NO_COMMAND_OPTION),
    ("unknown user -c", SuRefusal.NO_COMMAND_OPTION),
    ("permission denied", SuRefusal.DENIED),
    ("operation not permitted", SuRefusal.DENIED),
    ("not allowed", SuRefusal.DENIED),
    ("access denied", SuRefusal.DENIED),
    ("request rejected", SuRefusal.DENIED),
)


def parse_id(text: str, source: str = "id") -> Identity:
    """
    Read the answer of ``id``; lines around it (a banner of su) are skipped.

    Raises:
        ParseError: no line is an identity, or an error text stands in its place.
    """
    for _, line in answer_lines(source, text):
        row = _ID.fullmatch(line.strip()[:9000])
        uid = _ID_PART.fullmatch(row["euid"] or row["uid"]) if row else None
        gid = _ID_PART.fullmatch(row["gid"]) if row else None
        if row is None or uid is None or gid is None:
            continue
        words = (row["groups"] or "").replace(" ", "").split(",")
        groups = [_ID_PART.fullmatch(word) for word in words if word]
        if all(group is not None for group in groups):
            numbers = tuple(int(group["number"]) for group in groups if group is not None)
            return Identity(
                int(uid["number"]), uid["name"], int(gid["number"]), numbers, row["context"]
            )
    raise no_rows(source, text, "identity")


def parse_su_version(text: str, source: str = "su -v") -> SuVersion:
    """
    Read the answer of ``su -v`` or ``su -V``.

    Raises:
        ParseError: no single line with a version, or an error text stands in its place.
    """
    lines = [line.strip() for _, line in answer_lines(source, text) if line.strip()]
    named = _SU_VERSION.fullmatch(lines[0]) if len(lines) == 1 else None
    if named is not None:
        return SuVersion(named["version"], named["name"])
    bare = _SU_BARE.fullmatch(lines[0]) if len(lines) == 1 else None
    if bare is None:
        raise no_rows(source, text, "version of su")
    return SuVersion(bare["version"], "KernelSU" if "kernelsu" in bare["rest"].lower() else None)


def su_refusal(text: str) -> SuRefusal:
    """Why su refused, from what it or the shell printed; UNKNOWN for words not seen yet."""
    folded = text[:4000].lower()
    return next((why for words, why in _REFUSALS if words in folded), SuRefusal.UNKNOWN)
