"""Who was killed: ActivityManager's, lmkd's and the kernel's records."""
