"""The machine at hand as a device: its own processes and its own binder driver, without adb or QEMU."""
