"""Placeholder."""

from droidreclaim.storm.result import Storm


def render(storm: Storm) -> str:
    return ""
