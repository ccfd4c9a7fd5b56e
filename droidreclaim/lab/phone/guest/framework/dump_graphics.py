"""``dumpsys gfxinfo``: frames that an app drew, and those that came late."""

from collections.abc import Iterable, Sequence

FRAME_MS = 16  # at 60 Hz
_SHARES = (50, 90, 95, 99)


def gfxinfo(uptime_ms: int, sdk: int, apps: Iterable[tuple[int, str, Sequence[int] | None]]) -> str:
    """
    Print the frames of some processes.

    Args:
        apps: Pid, name and number of frames by milliseconds taken (the last: so many and more);
            None of a frozen one.
    """
    lines = ["Applications Graphics Acceleration Info:"]
    lines.append(f"Uptime: {uptime_ms} Realtime: {uptime_ms}")
    for pid, name, frames in apps:
        lines += ["", f"** Graphics info for pid {pid} [{name}] **"]
        lines += [
            "",
            *(
                ["Failure while dumping the app: it is frozen"]
                if frames is None
                else _frames(sdk, frames)
            ),
        ]
    return "\n".join(lines) + "\n\n"


def _frames(sdk: int, frames: Sequence[int]) -> list[str]:
    total, late = sum(frames), sum(frames[FRAME_MS + 1 :])
    percent = f"{100 * late / total:.2f}" if total else "0.00"
    lines = ["Stats since: 0ns", f"Total frames rendered: {total}"]
    lines.append(f"Janky frames: {late} ({percent}%)")
    if sdk >= 31:
        lines.append(f"Janky frames (legacy): {late} ({percent}%)")
    lines += [f"{share}th percentile: {_percentile(frames, share)}ms" for share in _SHARES]
    lines += ["Number Missed Vsync: 0", f"Number Slow UI thread: {late}"]
    if sdk >= 31:
        lines.append(f"Number Frame deadline missed: {late}")
    return [*lines, "HISTOGRAM: " + " ".join(f"{ms}ms={count}" for ms, count in enumerate(frames))]


def _percentile(frames: Sequence[int], share: int) -> int:
    left = sum(frames) * share / 100
    for ms, count in enumerate(frames):
        left -= count
        if left <= 0:
            return ms
    return len(frames) - 1
