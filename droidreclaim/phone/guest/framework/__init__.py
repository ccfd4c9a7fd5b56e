"""
A stand-in for the Android framework: ActivityManager, the package manager, properties and logs in one process.

It runs inside the pocket phone. What prints (``text``, ``dump_*``, ``log``) is pure, so that tests on the host compare
it with captures of real phones.
"""
