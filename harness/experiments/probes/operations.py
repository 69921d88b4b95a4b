"""Probes of the other operations on an open device: read, write, and mmap."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator

from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi import commands, returns
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.driver.open_file import MAP_NORESERVE
from harness.experiments.instruments.node_files import NodeFile, free_node, opened
from harness.experiments.instruments.non_blocking import FLAGS
from harness.experiments.probes.bench import MAPPING, Bench, shown
from harness.experiments.probes.probe import probe

UNKNOWN = 0x4004627F
"""An ioctl of Binder's letter with a number that it does not use."""
MIB = 1 << 20


@probe("file.read")
def read(bench: Bench) -> object:
    """What does read(2) do?"""
    return bench.pair.client_process.syscall("read", bench.client.descriptor, bench.page.address, 8)


@probe("file.write")
def write(bench: Bench) -> object:
    """What does write(2) do?"""
    return bench.pair.client_process.syscall("write", bench.client.descriptor, bytes(8), 8)


@probe("file.lseek")
def lseek(bench: Bench) -> object:
    """What does lseek(2) do?"""
    return bench.pair.client_process.syscall("lseek", bench.client.descriptor, 0, os.SEEK_SET)


@probe("file.fsync")
def fsync(bench: Bench) -> object:
    """What does fsync(2) do?"""
    return bench.pair.client_process.syscall("fsync", bench.client.descriptor)


@probe("file.read-only")
def read_only(bench: Bench) -> object:
    """Can the device be opened for reading alone, and be used then?"""
    process = bench.pair.client_process
    path = os.fsencode(free_node(bench.device.facts))
    descriptor = process.syscall("openat", AT_FDCWD, path, os.O_RDONLY | os.O_CLOEXEC, 0)
    return process.syscall("ioctl", descriptor, BinderIoctl.BINDER_SET_MAX_THREADS, bytes(4))


def _map(bench: Bench, size: int, protection: int = mmap.PROT_READ, *, flags: int = mmap.MAP_PRIVATE) -> None:
    process = bench.pair.client_process
    with opened(process, free_node(bench.device.facts)) as node:
        process.syscall("mmap", 0, size, protection, flags | MAP_NORESERVE, node.descriptor, 0)


@probe("mmap.writable")
def writable(bench: Bench) -> None:
    """Can the mapping be writable?"""
    _map(bench, MAPPING, mmap.PROT_READ | mmap.PROT_WRITE)


@probe("mmap.shared")
def shared(bench: Bench) -> None:
    """Can it be shared?"""
    _map(bench, MAPPING, flags=mmap.MAP_SHARED)


@probe("mmap.page")
def one_page(bench: Bench) -> None:
    """Can it be a single page?"""
    _map(bench, bench.device.facts.page_size)


@probe("mmap.large")
def large(bench: Bench) -> None:
    """Can it be 64 MiB?"""
    _map(bench, 64 * MIB)


@probe("mmap.twice")
def twice(bench: Bench) -> object:
    """Can one open file be mapped twice?"""
    return NodeFile(bench.pair.client_process, "", bench.client.descriptor).map(MAPPING)


@probe("mmap.after-unmapping")
def after_unmapping(bench: Bench) -> None:
    """Can it be mapped again after it was unmapped?"""
    process = bench.pair.client_process
    with opened(process, free_node(bench.device.facts)) as node:
        process.syscall("munmap", node.map(MAPPING), MAPPING)
        node.map(MAPPING)


@probe("mmap.none")
def none(bench: Bench) -> object:
    """What is a call answered with whose caller has mapped nothing?"""
    with _unmapped(bench) as descriptor:
        command = commands.Transaction(target=0).encode()
        bench.page.write(1024, command)
        request = BinderWriteRead(
            write_size=len(command),
            write_buffer=bench.page.address + 1024,
            read_size=256,
            read_buffer=bench.page.address + 2048,
        )
        bench.page.write(0, request.pack())
        bench.pair.client_process.syscall(
            "ioctl", descriptor, BinderIoctl.BINDER_WRITE_READ, bench.page.address
        )
        size = BinderWriteRead.unpack(bench.page.read(0, BinderWriteRead.sizeof())).read_consumed
        return shown(returns.parse(bench.page.read(2048, size)))


@contextlib.contextmanager
def _unmapped(bench: Bench) -> Iterator[int]:
    process = bench.pair.client_process
    path = os.fsencode(free_node(bench.device.facts))
    descriptor = process.syscall("openat", AT_FDCWD, path, FLAGS, 0)
    try:
        yield descriptor
    finally:
        process.syscall("close", descriptor)
