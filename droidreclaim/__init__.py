"""Page background Android apps out on demand, instead of letting lowmemorykiller take them."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("droidreclaim")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"
