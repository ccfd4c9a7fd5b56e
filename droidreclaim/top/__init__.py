"""The live view of a phone: one round trip and one frozen `Frame` a tick, shown in three ways."""
