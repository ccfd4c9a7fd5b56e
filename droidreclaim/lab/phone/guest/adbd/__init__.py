"""
The phone's ADB daemon: the device side of the ADB transport protocol over TCP, without
authentication.

It serves what it announces: shell protocol 2, the older shell and exec, file sync with stat_v2,
root, unroot and reboot. About 15 MiB resident, most of it the interpreter.
"""
