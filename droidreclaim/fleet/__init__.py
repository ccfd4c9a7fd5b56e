"""Many devices on many hosts: one run on all of them, and one report."""
