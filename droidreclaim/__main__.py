"""``python -m droidreclaim``."""

from droidreclaim.cli.main import main

main()
