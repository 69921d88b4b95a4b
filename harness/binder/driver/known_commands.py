"""Which commands a driver knows, found by writing them without their parameters, so that nothing is done."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from harness.agent.operations import SystemCall, Write
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderCommand, BinderIoctl

if TYPE_CHECKING:
    from harness.binder.driver.ioctls import ThreadIoctls

PROT_NONE = 0
"""include/uapi/asm-generic/mman-common.h."""
_TAG = 4
"""Bytes of a command's code."""
_SIZE_SHIFT, _SIZE_MASK = 16, 0x3FFF
"""Where an ioctl number has the size of its parameter (include/uapi/asm-generic/ioctl.h)."""


def knows_command(ioctls: ThreadIoctls, command: BinderCommand) -> bool:
    """Whether the driver knows a command that has a parameter.

    The code is at the end of a page, and what follows it cannot be read: a driver that knows the command
    fails with EFAULT when it copies the parameter, one that does not with EINVAL (binder_thread_write in
    drivers/android/binder.c, Linux 6.12; Thread::write in drivers/android/binder/thread.rs, Linux 6.18).
    Raises the OSError of any other failure.
    """
    parameter = command >> _SIZE_SHIFT & _SIZE_MASK
    assert parameter, f"{command.name} has no parameter: it would be carried out"
    process = ioctls.file.process
    size = process.page_size
    with process.memory.allocate(2 * size) as pages:
        code = pages.address + size - _TAG
        argument = BinderWriteRead(write_size=_TAG + parameter, write_buffer=code)
        *_, result = ioctls.remote.batch(
            SystemCall("mprotect", pages.address + size, size, PROT_NONE),
            Write(pages.address, argument.pack()),
            Write(code, command.to_bytes(_TAG, "little")),
            SystemCall("ioctl", ioctls.file.descriptor, BinderIoctl.BINDER_WRITE_READ, pages.address),
            keep_going=True,
        )
    if result.errno not in (errno.EFAULT, errno.EINVAL):
        result.checked()
    return result.errno == errno.EFAULT
