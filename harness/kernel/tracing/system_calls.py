"""Probes on system calls: they show what a process asks of any driver, whichever language that is written in.

The functions of a driver in Rust have no hooks for probes (within_notrace_func, kernel/trace/trace_kprobe.c).
A system call's function gets the registers of its caller, and its arguments lie there.
"""

from __future__ import annotations

from emulator.base.architecture import AARCH64, X86_64, Architecture
from harness.kernel.tracing.kprobes import Argument, Kprobe, Kretprobe

_ARGUMENTS = {
    X86_64: (112, 104, 96, 56, 72, 64),  # di, si, dx, r10, r8, r9
    AARCH64: (0, 8, 16, 24, 32, 40),
}
"""Where struct pt_regs has each argument (arch/*/include/asm/ptrace.h, Linux 6.12)."""


def call_argument(
    architecture: Architecture,
    position: int,
    label: str,
    *,
    type: str = "u64",  # noqa: A002 — as Argument has it
    user_offsets: tuple[int, ...] = (),
) -> Argument:
    """The argument of a system call at a position, from 1, or what is in the memory that it points to."""
    offset = _ARGUMENTS[architecture][position - 1]
    return Argument("", 1, type, offset=offset, user_offsets=user_offsets, label=label)


def call_entry(architecture: Architecture, name: str, *arguments: Argument) -> Kprobe:
    """An event at each entry of a system call: sys_NAME_entry."""
    return Kprobe(_symbol(architecture, name), arguments, name=f"sys_{name}_entry")


def call_return(architecture: Architecture, name: str) -> Kretprobe:
    """An event at each return of a system call, with its `result`: sys_NAME_return."""
    return Kretprobe(_symbol(architecture, name), name=f"sys_{name}_return")


def _symbol(architecture: Architecture, name: str) -> str:
    return f"{architecture.syscall_prefix}sys_{name}"
