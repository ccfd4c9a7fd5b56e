"""
A stand-in for Android's framework: ActivityManager, packages, properties and logs in one process.

It runs inside the pocket phone. What prints (``text``, ``dump_*``, ``log``) is pure, so that tests
on the host compare it with captures of real phones.
"""
