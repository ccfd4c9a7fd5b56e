"""A run in the shape of Macrobenchmark's ``benchmark.json``, for what reads that already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from droidreclaim.qa.figures import Result
from droidreclaim.qa.record import Round
from droidreclaim.qa.stats import quantile


def to_json(result: Result, head: Mapping[str, Any]) -> dict[str, Any]:
    """The document: one benchmark an arm, times in milliseconds, memory in KiB."""
    return {
        "context": {"build": _build(head.get("device") or {})},
        "benchmarks": [
            {
                "name": one.arm,
                "className": result.scenario.name,
                "totalRunTimeNs": round(
                    sum(each.took_s for each in _counted(result, one.arm)) * 1e9
                ),
                "repeatIterations": one.rounds,
                "metrics": _metrics(_counted(result, one.arm)),
                "sampledMetrics": {},
            }
            for one in result.arms
        ],
    }


def _counted(result: Result, arm: str) -> list[Round]:
    return [one for one in result.rounds if one.arm == arm and one.discarded is None]


def _build(device: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": device.get("model"),
        "version": {"sdk": device.get("sdk")},
        "id": device.get("serial"),
    }


def _metrics(rounds: list[Round]) -> dict[str, Any]:
    back = [one.back_s * 1000 for one in rounds if one.back_s is not None]
    before = [one.memory["before"].pss_bytes / 1024 for one in rounds if "before" in one.memory]
    after = [one.memory["arm"].pss_bytes / 1024 for one in rounds if "arm" in one.memory]
    named = {"timeToBackMs": back, "pssBeforeKb": before, "pssAfterArmKb": after}
    return {name: _metric(values) for name, values in named.items() if values}


def _metric(values: list[float]) -> dict[str, Any]:
    return {
        "minimum": min(values),
        "maximum": max(values),
        "median": quantile(values, 0.5),
        "runs": values,
    }
