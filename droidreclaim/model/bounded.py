"""Numbers and words that a device tells, with the bounds in which they are believed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

_MOST = (1 << 63) - 1
Size = Annotated[int, Meta(ge=0, le=_MOST)]
Difference = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
Pid = Annotated[int, Meta(ge=0, lt=1 << 31)]
Uid = Annotated[int, Meta(ge=0, lt=1 << 32)]
Adj = Annotated[int, Meta(ge=-1000, le=1000)]
PageBytes = Annotated[int, Meta(ge=1 << 12, le=1 << 20)]
Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4096)]  # a name of a process has 1,024 bytes at most
