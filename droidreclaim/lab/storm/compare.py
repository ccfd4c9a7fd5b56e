"""A storm as `compare` takes it: hot resumes among launches, and the times to be back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from droidreclaim.errors import UsageError
from droidreclaim.lab.storm.events import Run
from droidreclaim.lab.storm.figures import by_arm, figures
from droidreclaim.lab.storm.plan import Parameters
from droidreclaim.lab.storm.state import difference
from droidreclaim.qa.compare import Measured, Subject, flat

_OURS = "config"  # left out: a configuration is compared by its sizes, not by its name


def subject(name: str, what: Parameters, runs: Sequence[Run], version: str | None) -> Subject:
    """
    Return a storm as `compare` takes it, from what its folder holds.

    Raises:
        UsageError: no run of it has ended.
        NotAchieved: its own arms are not comparable.
    """
    if not runs:
        raise UsageError(f"{name}: no arm of this storm has ended")
    if why_not := difference(runs):
        raise why_not
    wanted = {key: value for key, value in asdict(what).items() if key not in (_OURS, "api")}
    first = runs[0].begin
    device = dict(first.device)
    if device.get("accelerator") is not None:
        device.pop("serial", None)  # of a phone that was booted for the storm, only its port
    return Subject(
        name,
        played=flat({"storm": wanted, "accelerator": device.get("accelerator")}),
        build={"droidreclaim": version},
        device=flat(device),
        state=first.state,
        arms={arm: _measured(own) for arm, own in by_arm(runs).items()},
        hit="hot",
        complete=all(run.end is not None for run in runs),
    )


def _measured(runs: Sequence[Run]) -> Measured:
    found = figures(runs)
    launches = [launch for run in runs for launch in run.launches]
    back = [one.took_s for one in launches if not one.first and one.took_s is not None]
    return Measured(found.hot_resumes, found.launches, tuple(back))
