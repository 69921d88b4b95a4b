"""Opening and closing a device, and what a Binder shows of itself."""

from __future__ import annotations

from harness.binder.abi import commands, returns
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.endpoint import Binder
from tests.support.fake_driver import (
    DESCRIPTOR,
    MAPPING,
    FakeProcess,
)


def test_open_maps_what_libbinder_maps(process: FakeProcess) -> None:
    with Binder.open(process.remote, "/dev/vndbinder") as binder:
        assert (binder.descriptor, binder.mapping) == (DESCRIPTOR, MAPPING)
        assert binder.size == binder_vm_size(4096) == 1_040_384
    assert binder_vm_size(16384) == 1_015_808
    binder.close()
    assert process.calls == ["openat", "mmap", "munmap", "close"]


def test_raw_exchanges_count_bytes(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([returns.TransactionComplete()])
    done = binder.ioctls.write_read(commands.compose(commands.EnterLooper()), 32)
    assert (done.write_consumed, done.read_consumed) == (4, 8)
    assert done.returns == [returns.Noop(), returns.TransactionComplete()]
