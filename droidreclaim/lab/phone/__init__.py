"""The pocket phone: a small rooted Linux guest under QEMU that answers adb as a phone does."""
