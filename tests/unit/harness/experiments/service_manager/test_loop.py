"""The steps of a service manager's start, out of a trace."""

from __future__ import annotations

from harness.experiments.service_manager.loop import read_size, steps_of
from harness.kernel.tracing.events import parse_trace

TRACE = """\
# tracer: nop
 manager-200 [000] ..... 1.000001: binder_open_entry: (binder_open+0x0/0x3b0 [binder_linux])
 manager-200 [000] ..... 1.000002: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0046209 read_size=0
 manager-200 [000] ..... 1.000003: binder_mmap_entry: (binder_mmap+0x0/0x120 [binder_linux])
 manager-200 [000] ..... 1.000004: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0x4018620d read_size=0
 manager-200 [000] ..... 1.000005: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=0
 manager-200 [000] ..... 1.000006: binder_command: cmd=0x630c BC_ENTER_LOOPER
 manager-200 [000] ..... 1.000007: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=128
 manager-200 [000] ..... 1.000008: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0x4004627f read_size=128
 manager-200 [000] ..... 1.000009: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=128
"""
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
    assert [read_size(event) for event in events] == [0, 0, 0, 0, 0, 0, 128, 0, 128]
