"""The adb server and adbd: one client for both, device states, root, restarts, Android's start."""
