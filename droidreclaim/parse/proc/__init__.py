"""Files of /proc and /sys."""
