"""The fixtures of tests/linux, for the measurements."""

from linux.conftest import (  # noqa: F401
    guard,
    helper,
    helpers,
    sessions,
    victim_program,
    victims,
    zram,
    zram_device,
)
