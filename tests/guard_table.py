"""Reads the decisions that C and Python share: guard_policy.txt and decisions.txt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from droidreclaim.model.profile import Profile, Rule, When
from droidreclaim.policy.guard import Situation, Standing

_TABLES = Path(__file__).parent.parent / "device-scripts" / "tests"

# What the guard takes where a line does not say.
DEFAULT_WHEN = When(0, False, 0, False, 35_000, 0, 500_000, 500, 200, None, 1000)
DEFAULT_RULE = Rule("*", 700, 1000, 0, 0, "pageout", "anon", (), None, None, 0, False)
_NOW = Situation(swap_total_bytes=1000, swap_free_bytes=1000)
_IN_FRONT_MS = -1  # shorter in the background than any rule wants


@dataclass
class Case:
    name: str
    when: When = DEFAULT_WHEN
    rules: list[Rule] = field(default_factory=list)
    now: Situation = _NOW
    apps: dict[str, Standing] = field(default_factory=dict)
    expected: list[list[str]] = field(default_factory=list)

    @property
    def profile(self) -> Profile:
        return Profile("x", 60, self.when, tuple(self.rules))


def cases() -> list[Case]:
    found: list[Case] = []
    for line in (_TABLES / "guard_policy.txt").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "case":
            found.append(Case(rest))
        elif word and not word.startswith("#"):
            _take(found[-1], word, rest)
    return found


def _take(case: Case, word: str, rest: str) -> None:
    if word not in ("when", "rule", "device", "app"):
        case.expected.append([word, *rest.split()])
        return
    given = dict(pair.split("=", 1) for pair in rest.split())
    if word == "when":
        case.when = replace(case.when, **_typed(given, case.when))
    elif word == "rule":
        case.rules.append(replace(DEFAULT_RULE, **_typed(given, DEFAULT_RULE)))
    elif word == "device":
        case.now = replace(case.now, **_typed(given, case.now))
    else:
        case.apps[given["name"]] = _app(len(case.apps) + 1, given)


def _typed(given: dict[str, str], like: object) -> dict[str, object]:
    """Values in the types of the fields of *like*."""
    values: dict[str, object] = {}
    for key, text in given.items():
        old = getattr(like, key)
        if isinstance(old, bool):
            values[key] = text == "1"
        else:
            values[key] = text if isinstance(old, str) else int(text)
    return values


def _app(pid: int, given: dict[str, str]) -> Standing:
    times = {key: given.get(key, default) for key, default in
             (("background_ms", "60000"), ("action_ms", "-"), ("trim_ms", "-"))}  # fmt: skip
    away, idle, trim = times.values()
    packages = given.get("packages", "").split(",")
    return Standing(
        pid=pid,
        names=(*filter(None, packages), given["name"].partition(":")[0]),
        adj=int(given.get("adj", "900")),
        rss_anon_bytes=int(given.get("anon_bytes", "100000000")),
        away_ms=_IN_FRONT_MS if away == "-" else int(away),
        idle_ms=None if idle == "-" else int(idle),
        holdoff_ms=int(given.get("holdoff_ms", "0")),
        rest_bytes=int(given.get("rest_bytes", "0")),
        leaving=given.get("leaving") == "1",
        trim_ms=None if trim == "-" else int(trim),
        no_rest=given.get("no_rest") == "1",
    )


def globs() -> list[tuple[str, str, str]]:
    """Pattern, name, and ``yes`` where it fits."""
    return [(row[1], row[2], row[3]) for row in _rows("glob")]


def decisions() -> list[tuple[Rule, Standing, str]]:
    """A rule, a process, and the word for why it is left alone, or ``touch``."""
    return [_decision(row) for row in _rows("rule")]


def _rows(kind: str) -> list[list[str]]:
    lines = (_TABLES / "decisions.txt").read_text().splitlines()
    return [line.split() for line in lines if line.startswith(f"{kind} ")]


def _decision(row: list[str]) -> tuple[Rule, Standing, str]:
    _, low, high, least, background, how, cooldown, _, adj, anon, away, idle, holdoff, _, word = row
    rule = replace(
        DEFAULT_RULE, low=int(low), high=int(high), min_bytes=int(least),
        background_ms=int(background), how=how, cooldown_ms=int(cooldown),
    )  # fmt: skip
    idle_ms = None if idle == "-" else int(idle)
    standing = Standing(1, ("com.a",), int(adj), int(anon), int(away), idle_ms, int(holdoff))
    return rule, standing, word
