"""The Android SDK's emulator: its programs and AVDs, copies of these, and the devices that run from them."""
