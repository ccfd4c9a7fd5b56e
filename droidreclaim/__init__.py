"""Page background Android apps out on demand, instead of letting lowmemorykiller take them."""

from typing import Any


def __getattr__(name: str) -> Any:
    """``__version__``, looked up when asked for: it costs 40 ms that no command needs."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("droidreclaim")
    except PackageNotFoundError:  # running from a source tree that was never installed
        return "0+unknown"
