"""The way to the adb server and to adbd: which devices there are, root, restarts, Android's start."""
