"""Builds what runs on a device: agents with zig, and AOSP's user space with clang."""
