"""Looking at devices and their processes; nothing here changes anything."""
