"""Counts what the apps themselves met: wrong pages, major faults, stalls."""


class Tally:
    """
    Totals over all apps since boot.

    Attributes:
        resumes: Returns of apps to the screen, of which *pages* were read and *bad* were wrong.
        faults: Major faults of those returns.
        stall_us: The longest that an app in front, or on its way there, took to fill 64 KiB.
    """

    def __init__(self) -> None:
        self.resumes = self.pages = self.bad = self.faults = self.stall_us = 0

    def stalled(self, stall_us: str) -> None:
        self.stall_us = max(self.stall_us, int(stall_us))

    def resumed(self, checked: tuple[int, ...]) -> None:
        pages, bad, _, _, faults = checked
        self.resumes += 1
        self.pages += pages
        self.bad += bad
        self.faults += faults
