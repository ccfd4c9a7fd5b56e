"""What apps give back when Android asks them as apps that went out of sight."""

from __future__ import annotations

import time
from collections.abc import Iterable

from droidreclaim.device import Device
from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import ask_device
from droidreclaim.model.footprint import PlayState, Told, Track, Trimmed
from droidreclaim.parse.proc.process import parse_status
from droidreclaim.policy.footprint import play_state

_SETTLES_S = 2.0  # onTrimMemory runs on the app's main thread, and frees as it likes


def trim(
    device: Device, tracks: Iterable[Track], states: dict[int, Told], *, timeout_s: float
) -> tuple[Trimmed, ...]:
    """
    Ask each process that is not in front, and see what it holds before and afterwards.

    Raises:
        DeviceError: the device was lost, or does not answer.
    """
    found = []
    for track in tracks:
        state = states.get(track.id.pid)
        if state is None or play_state(state.proc_state) is PlayState.FOREGROUND:
            why = "its state is unknown" if state is None else "it is in front: leave it first"
            found.append(Trimmed(track.id, track.name, None, None, f"not asked: {why}"))
            continue
        found.append(_trim(device, track, timeout_s))
    return tuple(found)


def _trim(device: Device, track: Track, timeout_s: float) -> Trimmed:
    status = f"cat /proc/{track.id.pid}/status"
    words = f"am send-trim-memory --user {track.user} {track.id.pid} HIDDEN"
    answers = ask_device(device, {"before": status, "trim": words}, None, timeout_s=timeout_s)
    before, said = _held(answers["before"].text), answers["trim"]
    if said.exit_code or said.text.strip() or said.error_text.strip():
        return Trimmed(track.id, track.name, before, None, f"refused: {said.errno}")
    time.sleep(_SETTLES_S)
    after = _held(ask_device(device, {"after": status}, None, timeout_s=timeout_s)["after"].text)
    return Trimmed(track.id, track.name, before, after, None)


def _held(text: str) -> int | None:
    try:
        status = parse_status(text)
    except ParseError:
        return None
    anon = status.sizes_bytes.get("RssAnon")
    return None if anon is None else anon + (status.swap_bytes or 0)
