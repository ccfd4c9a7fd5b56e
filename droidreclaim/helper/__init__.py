"""The helper seen from the host: its protocol, a session with it, and how it gets onto a device."""
