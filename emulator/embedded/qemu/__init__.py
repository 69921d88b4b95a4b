"""QEMU: its command line, its monitor, its virtio-serial ports, and the controller of a device in it."""
