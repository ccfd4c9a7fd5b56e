"""What became of an app's processes, as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from droidreclaim.escape import safe
from droidreclaim.model import Process
from droidreclaim.policy.why import Death, Story
from droidreclaim.report.kills import kill_json
from droidreclaim.units import format_size, plural

_MOST_NAMED = 6
_RINGS = "logs are rings, and exit-info keeps the last 16 of an app: older ends are in neither"


def why_json(story: Story, alive: Sequence[Process] | None) -> dict[str, Any]:
    """
    The document of ``why --json``, without device and source.

    Args:
        alive: What runs now; None where that cannot be known.
    """
    return {
        "package": story.package,
        "deaths": [_death_json(death) for death in story.deaths],
        "alive": None
        if alive is None
        else [
            {"pid": one.pid, "name": one.name, "oom_score_adj": one.oom_score_adj,
             "band": one.band.value}
            for one in alive
        ],
        "read_sources": [{"name": name, "until": until} for name, until in story.read],
        "silent_sources": list(story.silent),
    }  # fmt: skip


def _death_json(death: Death) -> dict[str, Any]:
    return kill_json(death.kill) | {
        "cause": death.cause.value,
        "sentences": [{"text": one.text, "lines": list(one.lines)} for one in death.sentences],
        "helps": death.helps or None,
        "unknown": list(death.unknown),
        "lines": [{"source": one.source, "text": one.text} for one in death.lines],
    }


def why_text(story: Story, alive: Sequence[Process] | None) -> str:
    """A paragraph for each end, newest first, with the lines it rests on; then what runs now."""
    marks = _source_marks(line.source for death in story.deaths for line in death.lines)
    parts = [_paragraph(death, marks) for death in reversed(story.deaths)]
    if not parts:
        parts = [
            f"Nothing that was read says that a process of {story.package} ended ({_read(story)})."
        ]
    last = [_whole(mark, source) for source, mark in marks.items() if mark != source]
    last += [
        *_now(story.package, alive),
        *(f"Not asked or silent: {one}." for one in dict.fromkeys(story.silent)),
    ]
    last.append(f"Beyond this nobody can know: {_RINGS}.")
    lines = "\n\n".join([*parts, "\n".join(last)]).splitlines()
    return "\n".join(safe(line) for line in lines)


def _source_marks(sources: Iterable[str]) -> dict[str, str]:
    """
    What stands before a quoted line, by the source it is from.

    A file is named by the last part of its path; by none where it is the only source, and by its
    whole path where the last part is another's too.
    """
    each = list(dict.fromkeys(sources))
    if len(each) == 1 and "/" in each[0]:
        return {each[0]: ""}
    last = Counter(one.rpartition("/")[2] for one in each)
    return {one: tail if last[tail := one.rpartition("/")[2]] == 1 else one for one in each}


def _whole(mark: str, source: str) -> str:
    return f"{mark} is {source}." if mark else f"All lines are from {source}."


def _paragraph(death: Death, marks: Mapping[str, str]) -> str:
    paragraph = " ".join(one.text + _marks(one.lines) for one in death.sentences)
    rows = [paragraph]
    if death.helps:
        rows.append(f"  would have helped: {death.helps}")
    rows += [f"  nobody wrote down {one}" for one in death.unknown]
    for number, line in enumerate(death.lines, 1):
        mark = marks[line.source]
        rows.append(f"  [{number}] {mark}: {line.text}" if mark else f"  [{number}] {line.text}")
    return "\n".join(rows)


def _marks(numbers: Sequence[int]) -> str:
    return "".join(f" [{number}]" for number in numbers)


def _read(story: Story) -> str:
    named = [f"{name} until {until}" if until else name for name, until in story.read[:_MOST_NAMED]]
    return ", ".join(named) or "nothing could be read"


def _now(package: str, alive: Sequence[Process] | None) -> list[str]:
    if alive is None:
        return []
    if not alive:
        return [f"Now no process of {package} runs."]
    each = ", ".join(
        f"{one.name} (pid {one.pid}, adj {one.oom_score_adj}, {one.band.value}, "
        f"{format_size(one.memory.rss_bytes)})"
        for one in alive
    )
    return [f"Now {plural(len(alive), 'process')} of it: {each}."]
