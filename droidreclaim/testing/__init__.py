"""Devices for other people's tests: leased one at a time, chosen by what a test wants of them."""
