"""Where a round is played, and how a step of it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from droidreclaim.qa.written import WrittenFolder
from droidreclaim.session import Phone

if TYPE_CHECKING:
    from droidreclaim.qa.ui import Ui


class StepFailed(Exception):
    """A step did not do what it is there for, in words."""


@dataclass(frozen=True)
class Stage:
    """
    Where a round is played.

    Attributes:
        ui: Reads its screen.
        folder: Of this round, for what steps write; made when something is written.
        beside: Folder of the scenario, where its files lie.
    """

    phone: Phone
    ui: Ui
    package: str
    arm: str
    number: int
    folder: Path
    beside: Path = field(default_factory=Path)

    @contextmanager
    def written(self) -> Iterator[Path]:
        """
        Make the folder, for the block to write there.

        Raises:
            UsageError: what the block writes does not get there, in the system's words.
        """
        with WrittenFolder(self.folder).faults_named():
            self.folder.mkdir(parents=True, exist_ok=True)
            yield self.folder
