"""What ActivityManager and its fellows print."""
