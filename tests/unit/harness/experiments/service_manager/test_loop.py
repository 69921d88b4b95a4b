"""The steps of a service manager's start, out of a trace."""

from __future__ import annotations

from harness.experiments.service_manager.loop import read_size, steps_of
from harness.kernel.tracing.events import parse_trace

IOCTL = "sys_ioctl_entry: (__x64_sys_ioctl+0x4/0xa0) "
TRACE = f"""\
# tracer: nop
 manager-200 [000] ..... 1.000000: sys_openat_return: (do_syscall_64+0xc4/0x560 <- __x64_sys_openat) result=3
 manager-200 [000] ..... 1.000001: sys_mmap_entry: (__x64_sys_mmap+0x4/0x40) fd=3
 manager-200 [000] ..... 1.000002: {IOCTL}fd=1 cmd=0x5401 read_size=0
 manager-200 [000] ..... 1.000003: sys_openat_return: (do_syscall_64+0xc4/0x560 <- __x64_sys_openat) result=3
 manager-200 [000] ..... 1.000004: {IOCTL}fd=3 cmd=0xc0046209 read_size=0
 manager-200 [000] ..... 1.000005: sys_mmap_entry: (__x64_sys_mmap+0x4/0x40) fd=-1
 manager-200 [000] ..... 1.000006: sys_mmap_entry: (__x64_sys_mmap+0x4/0x40) fd=3
 manager-200 [000] ..... 1.000007: {IOCTL}fd=3 cmd=0x4018620d read_size=0
 manager-200 [000] ..... 1.000008: {IOCTL}fd=3 cmd=0xc0306201 read_size=0
 manager-200 [000] ..... 1.000009: binder_command: cmd=0x630c BC_ENTER_LOOPER
 manager-200 [000] ..... 1.000010: {IOCTL}fd=3 cmd=0xc0306201 read_size=128
 manager-200 [000] ..... 1.000011: {IOCTL}fd=3 cmd=0x4004627f read_size=128
 manager-200 [000] ..... 1.000012: {IOCTL}fd=3 cmd=0xc0306201 read_size=128
"""
"""A library is opened and mapped first, and closed: its descriptor is the driver's later."""
STEPS = (
    "open",
    "BINDER_VERSION",
    "mmap",
    "BINDER_SET_CONTEXT_MGR_EXT",
    "BC_ENTER_LOOPER",
    "read 128",
    "ioctl 0x4004627f",
    "read 128",
)


def test_steps_of_a_trace() -> None:
    events = parse_trace(TRACE).events
    assert steps_of(events) == STEPS
    assert [size for event in events if (size := read_size(event))] == [128, 128]


def test_a_process_that_never_uses_the_driver_has_no_steps() -> None:
    first = parse_trace(TRACE).events[:3]
    assert steps_of(first) == ()
