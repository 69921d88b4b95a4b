"""Opening and closing a device, and what a Binder shows of itself."""

from __future__ import annotations

import errno
import re

import pytest

from harness.binder.abi import commands, returns
from harness.binder.abi.structures import BinderExtendedError
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.ioctls import Exchange
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.endpoint import Binder
from harness.binder.errors import TransactionFailedError, UnknownHandleError
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


@pytest.mark.parametrize(
    ("number", "handles", "error", "message"),
    [
        (
            errno.EINVAL,
            frozenset({0, 2}),
            UnknownHandleError,
            "(EINVAL): /dev/binder of process 100 has no handle 99; it has 0, 2",
        ),
        (
            errno.ENOENT,  # the driver in Rust
            frozenset({0, 2}),
            UnknownHandleError,
            "(ENOENT): /dev/binder of process 100 has no handle 99; it has 0, 2",
        ),
        (errno.EINVAL, frozenset(), UnknownHandleError, "it has none but 0"),
        (errno.EINVAL, frozenset({99}), TransactionFailedError, "BR_FAILED_REPLY (EINVAL): "),
        (errno.EINVAL, None, TransactionFailedError, "BR_FAILED_REPLY (EINVAL): "),
        (errno.ENOENT, None, TransactionFailedError, "BR_FAILED_REPLY (ENOENT): the sender does not hold"),
        (errno.EPERM, frozenset({0}), TransactionFailedError, "BR_FAILED_REPLY (EPERM): "),
    ],
)
def test_an_unknown_handle_is_named(
    process: FakeProcess,
    binder: Binder,
    number: int,
    handles: frozenset[int] | None,
    error: type[TransactionFailedError],
    message: str,
) -> None:
    process.handles = handles
    process.answers[BinderIoctl.BINDER_GET_EXTENDED_ERROR] = BinderExtendedError(1, 0, -number)
    process.main.script.append([returns.FailedReply()])
    with pytest.raises(TransactionFailedError, match=re.escape(message)) as failed:
        binder.transact(99, 1)
    assert type(failed.value) is error


def test_a_raw_exchange_shows_the_names_of_what_was_returned(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([returns.TransactionComplete()])
    exchange = binder.ioctls.write_read(commands.compose(commands.EnterLooper()), 256)
    assert repr(exchange) == (
        "<Exchange: 4 bytes of commands consumed, returned: BR_NOOP, BR_TRANSACTION_COMPLETE>"
    )
    assert "returned: nothing" in repr(Exchange(0, b""))
    assert "returned: ffff" in repr(Exchange(0, b"\xff\xff\xff\xff"))
