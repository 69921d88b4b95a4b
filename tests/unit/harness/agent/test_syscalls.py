from __future__ import annotations

import re
from pathlib import Path

import pytest
import ziglang

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError
from harness.agent.syscalls import SyscallNumber

KERNEL_HEADERS = Path(ziglang.__file__).parent / "lib/libc/include"


@pytest.mark.parametrize(
    ("architecture", "header"),
    [
        (X86_64, "x86-linux-any/asm/unistd_64.h"),
        (AARCH64, "aarch64-linux-any/asm/unistd_64.h"),
    ],
)
def test_every_number_is_the_kernels_own(architecture: Architecture, header: str) -> None:
    defined = re.findall(r"#define __NR_(\w+)\s+(\d+)", (KERNEL_HEADERS / header).read_text())
    numbers = {name: int(number) for name, number in defined}
    for syscall in SyscallNumber:
        if syscall.name in numbers:
            assert syscall.number(architecture) == numbers[syscall.name], syscall.name
        else:
            with pytest.raises(UsageError):
                syscall.number(architecture)


def test_no_call_stands_for_another() -> None:
    assert len(SyscallNumber) == len(SyscallNumber.__members__)


def test_a_call_that_the_architecture_lacks_is_explained() -> None:
    assert SyscallNumber.open.number(X86_64) == 2
    with pytest.raises(UsageError, match=r"aarch64 has no system call open.*openat"):
        SyscallNumber.open.number(AARCH64)


def test_calls_are_found_by_name() -> None:
    assert SyscallNumber.named("ioctl") is SyscallNumber.ioctl
    with pytest.raises(UsageError, match="'ioctrl'"):
        SyscallNumber.named("ioctrl")
