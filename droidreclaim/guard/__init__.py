"""The daemon on the device, seen from the host: what it would do, started, watched and stopped."""
