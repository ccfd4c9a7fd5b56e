"""The live view of a phone: a round trip and a frozen `Frame` a tick, three ways to show it."""
