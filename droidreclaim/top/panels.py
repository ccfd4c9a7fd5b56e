"""The head of the view: which device, its memory, its stalls, how near the next kill is. Pure."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from droidreclaim.policy.killer import Killer
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.top.draw import Palette, ago, bar, graph, number, percent, rate, short, words
from droidreclaim.top.frame import Frame, Head
from droidreclaim.units import format_size

GRAPH_ROWS = 4
_WIDE, _MIDDLE = 110, 76  # columns for three panels side by side, and for two
_BAR = 12


def head_lines(frame: Frame, width: int, colours: Palette) -> list[Text]:
    """The head in *width* cells: panels side by side, or a few lines where it is narrow."""
    if width < _MIDDLE:
        return _narrow(frame.head, width, colours)
    head = frame.head
    if width < _WIDE:
        left = width // 2
        both = _beside(
            _panel("memory", _memory(head, left - 4, colours, 2), left, colours),
            _panel("pressure", _stalls(head, width - left - 4, colours, 0), width - left, colours),
        )
        return [
            *both,
            *_panel("next kill", _next_kill_flat(head, width - 4, colours), width, colours),
        ]
    left = width * 2 // 5
    middle = (width - left) * 2 // 5
    right = width - left - middle
    return _beside(
        _panel("memory", _memory(head, left - 4, colours, GRAPH_ROWS), left, colours),
        _panel("pressure", _stalls(head, middle - 4, colours, GRAPH_ROWS - 2), middle, colours),
        _panel("next kill", _next_kill(head, right - 4, colours), right, colours),
    )


def title_line(frame: Frame, width: int, colours: Palette, status: Text) -> Text:
    """Which device it is and who guards it; *status* at the right edge."""
    head = frame.head
    device = head.device
    line = Text(no_wrap=True, end="")
    line.append(" droidreclaim " if width >= _MIDDLE else " ", f"bold {colours.accent}")
    line.append_text(words(device.model or device.serial, colours.title))
    facts = [
        f"API {device.sdk}" if device.sdk else "",
        f"Linux {device.kernel}" if device.kernel else "",
        f"root {head.root}" if head.root else "no root",
    ]
    guard = _guard(head)
    room = width - status.cell_len - 1
    for fact in (guard, *facts):
        if fact and line.cell_len + cell_len(fact) + 3 <= room:
            line.append(" · ", colours.faint)
            is_guard = fact is guard and head.guard is not None
            line.append_text(words(fact, colours.good if is_guard else colours.dim))
    line.truncate(max(0, room), overflow="ellipsis")
    line.append(" " * max(0, room - line.cell_len))
    line.append_text(status)
    return line


def _guard(head: Head) -> str:
    if head.guard is None:
        return "guard off"
    name = head.guard.profile or "on"
    left = f", {ago(head.guard.left_s)} left" if head.guard.left_s is not None else ""
    return f"guard {name}{left}"


def _memory(head: Head, width: int, colours: Palette, rows: int) -> list[Text]:
    """Available memory as a line of the last minutes, and swap."""
    most = float(head.total_bytes or 1)
    values = [one.available_bytes for one in head.past]
    lines = graph(values, width, rows, most=most, colour=lambda share: colours.heat_of(1.0 - share))
    now = Text(no_wrap=True, end="")
    now.append("available ", colours.dim)
    now.append(format_size(head.now.available_bytes), f"bold {colours.text}")
    now.append(f" of {format_size(head.total_bytes)}", colours.dim)
    return [*lines, now, _swap(head, width, colours)]


def _swap(head: Head, width: int, colours: Palette) -> Text:
    swap = head.swap
    line = Text(no_wrap=True, end="")
    line.append("swap ", colours.dim)
    if not swap.total_bytes:
        line.append("none", colours.warn)
        return line
    share = swap.used_bytes / swap.total_bytes
    used = short(swap.used_bytes) if swap.used_bytes else "0"
    line.append(f"{used}/{short(swap.total_bytes)} ", colours.text)
    facts = f" {percent(share)}"
    if swap.ratio is not None:
        facts += f"  {swap.ratio:.1f}:1 in {short(swap.zram_bytes)}"
    if swap.flash_bytes:
        facts += f"  flash {short(swap.flash_bytes)}"
    room = width - line.cell_len - len(facts)
    if room >= 4:
        line.append_text(bar(share, min(room, 24), lambda _: colours.swap, colours.faint))
    line.append(facts, colours.dim)
    return line


def _stalls(head: Head, width: int, colours: Palette, rows: int) -> list[Text]:
    """How long tasks wait for memory, and what moves between memory and swap."""
    past = head.past
    values = [one.some_share for one in past]
    most = max(0.1, *(value or 0.0 for value in values))
    lines = graph(values, width, rows, most=most, colour=colours.heat_of)
    now = head.now
    for name, share in (("some", now.some_share), ("full", now.full_share)):
        line = Text(f"{name} ", colours.dim, no_wrap=True, end="")
        line.append_text(bar(share, max(4, width - 11), colours.heat_of, colours.faint))
        line.append(f" {percent(share):>5}", colours.text)
        lines.append(line)
    flow = Text(no_wrap=True, end="")
    for name, flowing, style in (
        ("out", now.out_bytes_per_s, colours.swap), ("in", now.in_bytes_per_s, colours.rss)
    ):  # fmt: skip
        flow.append(f"{name} ", colours.dim)
        flow.append(f"{rate(flowing)}  ", style if flowing else colours.dim)
    faults = Text("refaults ", colours.dim, no_wrap=True, end="")
    faults.append(f"{number(now.refaults_per_s)}/s", colours.text)
    return [*lines, flow, faults]


def _next_kill(head: Head, width: int, colours: Palette) -> list[Text]:
    """How far the next kill is, by which rule, and whom it would take."""
    headroom = head.headroom
    lines = [_headroom(headroom, colours), _distance(headroom, width, colours)]
    lines += _folded(_rule(headroom), width, colours, 2)
    return [*lines, _conditions(headroom, colours), _kills(head, colours)]


def _next_kill_flat(head: Head, width: int, colours: Palette) -> list[Text]:
    """Draw `_next_kill` in three lines."""
    headroom = head.headroom
    first = _headroom(headroom, colours)
    first.append("  ")
    first.append_text(_distance(headroom, max(4, width - first.cell_len), colours))
    last = _conditions(headroom, colours)
    last.append("  ")
    last.append_text(_kills(head, colours))
    return [first, *_folded(_rule(headroom), width, colours, 1), last]


def _headroom(headroom: Headroom, colours: Palette) -> Text:
    low = headroom.low_watermark_bytes or 0
    line = Text("headroom ", colours.dim, no_wrap=True, end="")
    calm = colours.good if (headroom.headroom_bytes or 0) > low else colours.warn
    style = colours.bad if _is_short(headroom) else calm
    line.append(format_size(headroom.headroom_bytes), f"bold {style}")
    line.append(f" over {format_size(low)}", colours.dim)
    return line


def _distance(headroom: Headroom, width: int, colours: Palette) -> Text:
    """Draw how much of four low watermarks is gone; a kill that is further away is no alarm."""
    low, share = headroom.low_watermark_bytes, None
    if headroom.headroom_bytes is not None and low:
        share = 1.0 - headroom.headroom_bytes / (4 * low)
    return bar(share, width, colours.heat_of, colours.faint)


def _conditions(headroom: Headroom, colours: Palette) -> Text:
    line = Text("swap free ", colours.dim, no_wrap=True, end="")
    style = colours.bad if headroom.swap_is_low else colours.text
    line.append(percent(headroom.swap_free_share), style)
    line.append("  thrashing ", colours.dim)
    line.append(percent(headroom.thrashing_share), colours.text)
    return line


def _is_short(headroom: Headroom) -> bool:
    return headroom.firing or (headroom.headroom_bytes is not None and headroom.headroom_bytes < 0)


def _rule(headroom: Headroom) -> tuple[str, bool]:
    """The rule that fires or would, as a sentence; and whether its conditions hold."""
    if headroom.next_rule is None:
        if headroom.killer.killer is Killer.NONE:
            return "nobody but the kernel kills here", False
        return f"no rule: {headroom.no_rule or headroom.killer.why}", False
    takes = f"takes adj {headroom.adj_floor} and above"
    if not headroom.firing:
        return f"next {headroom.next_rule}: {takes}", False
    when = "KILLS NOW" if headroom.is_woken else "at the next stall"
    return f"{when} {headroom.next_rule}: {takes}", True


def _folded(rule: tuple[str, bool], width: int, colours: Palette, rows: int) -> list[Text]:
    """A sentence in exactly *rows* lines."""
    sentence, firing = rule
    text = words(sentence, colours.bad if firing else colours.text)
    text.no_wrap = False
    folded = _wrapped(text, width)[:rows]
    return [*folded, *(Text("", end="") for _ in range(rows - len(folded)))]


def _wrapped(text: Text, width: int) -> list[Text]:
    lines: list[Text] = []
    for word in text.plain.split():
        if lines and cell_len(lines[-1].plain) + cell_len(word) < width:
            lines[-1].append(f" {word}", text.style)
        else:
            lines.append(Text(word, text.style, no_wrap=True, end=""))
    return lines


def _kills(head: Head, colours: Palette) -> Text:
    line = Text("kills ", colours.dim, no_wrap=True, end="")
    if not head.kills:
        line.append("none since start", colours.dim)
    for by, count in sorted(head.kills.items(), key=lambda one: -one[1]):
        line.append(f"{count} ", f"bold {colours.bad}")
        line.append(f"{by}  ", colours.text)
    return line


def _narrow(head: Head, width: int, colours: Palette) -> list[Text]:
    """Without panels: a graph of two rows and four lines."""
    memory = graph(
        [one.available_bytes for one in head.past], width, 2, most=float(head.total_bytes or 1),
        colour=lambda share: colours.heat_of(1.0 - share),
    )  # fmt: skip
    now = Text("available ", colours.dim, no_wrap=True, end="")
    now.append(format_size(head.now.available_bytes), f"bold {colours.text}")
    now.append(f"/{format_size(head.total_bytes)}", colours.dim)
    stalls = Text("stalls ", colours.dim, no_wrap=True, end="")
    stalls.append_text(bar(head.now.some_share, _BAR, colours.heat_of, colours.faint))
    stalls.append(f" {percent(head.now.some_share)} some ", colours.text)
    stalls.append(f"{percent(head.now.full_share)} full  ", colours.text)
    moving = f"out {rate(head.now.out_bytes_per_s)} in {rate(head.now.in_bytes_per_s)}"
    stalls.append(moving, colours.dim)
    rule, firing = _rule(head.headroom)
    kill = Text("headroom ", colours.dim, no_wrap=True, end="")
    short_of = colours.bad if _is_short(head.headroom) else colours.good
    kill.append(f"{short(head.headroom.headroom_bytes)} ", f"bold {short_of}")
    kill.append_text(words(rule, colours.bad if firing else colours.text))
    lines = [*memory, now, _swap(head, width, colours), stalls, kill, _kills(head, colours)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _panel(title: str, lines: list[Text], width: int, colours: Palette) -> list[Text]:
    """*lines* in a frame of *width* cells, with its title in the upper edge."""
    top = Text("╭─", colours.faint, no_wrap=True, end="")
    top.append(f" {title} ", colours.title)
    top.append("─" * (width - top.cell_len - 1) + "╮", colours.faint)
    framed = [top]
    for line in lines:
        line.truncate(width - 4, overflow="ellipsis")
        row = Text("│ ", colours.faint, no_wrap=True, end="")
        row.append_text(line)
        row.append(" " * (width - 2 - row.cell_len))
        row.append(" │", colours.faint)
        framed.append(row)
    framed.append(Text("╰" + "─" * (width - 2) + "╯", colours.faint, no_wrap=True, end=""))
    return framed


def _beside(*panels: list[Text]) -> list[Text]:
    """Panels of equal height in one row."""
    rows = []
    for parts in zip(*panels, strict=True):
        row = Text(no_wrap=True, end="")
        for part in parts:
            row.append_text(part)
        rows.append(row)
    return rows
