"""What programs of the device and adb print."""
