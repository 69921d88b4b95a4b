"""The device this project makes itself, out of Debian's kernel and AOSP's adbd, in QEMU."""
