from __future__ import annotations

import mmap
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.agent.memory import RemoteMemory
from harness.agent.operations import SystemCall
from harness.agent.pattern import digest, fill_pattern
from harness.agent.process import RemoteProcess

PROT_NONE = 0  # which the module mmap lacks


def unmapped(agent: RemoteProcess) -> int:
    buffer = agent.memory.allocate(agent.page_size)
    buffer.close()
    return buffer.address


def inaccessible(agent: RemoteProcess) -> int:
    return agent.syscall("mmap", 0, agent.page_size, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)


def past_the_end_of_a_file(agent: RemoteProcess) -> int:
    descriptor = agent.syscall("memfd_create", b"empty", 0)
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    return agent.syscall("mmap", 0, agent.page_size, protection, mmap.MAP_SHARED, descriptor, 0)


def non_canonical(_agent: RemoteProcess) -> int:
    return 0x00DE_AD00_0000_0000


def of_the_kernel(_agent: RemoteProcess) -> int:
    return 0xFFFF_8000_0000_1000


@pytest.mark.parametrize(
    "address_of", [unmapped, inaccessible, past_the_end_of_a_file, non_canonical, of_the_kernel]
)
@pytest.mark.parametrize(
    "access",
    [
        lambda memory, address: memory.read(address, 8),
        lambda memory, address: memory.write(address, b"12345678"),
        lambda memory, address: memory.fill(address, 8, 1),
        lambda memory, address: memory.digest(address, 8),
    ],
    ids=["read", "write", "fill", "digest"],
)
def test_a_bad_address_is_an_answer(
    agent: RemoteProcess,
    address_of: Callable[[RemoteProcess], int],
    access: Callable[[RemoteMemory, int], object],
) -> None:
    address = address_of(agent)
    for _ in range(2):
        with pytest.raises(OSError, match="EFAULT"):
            access(agent.memory, address)
    assert agent.syscall("getpid") == agent.pid


def test_an_access_that_begins_well_may_end_badly(agent: RemoteProcess) -> None:
    buffer = agent.memory.allocate(2 * agent.page_size)
    agent.syscall("mprotect", buffer.address + agent.page_size, agent.page_size, PROT_NONE)
    with pytest.raises(OSError, match="EFAULT"):
        buffer.write(0, b"x" * buffer.size)
    with pytest.raises(OSError, match="EFAULT"):
        buffer.read()
    buffer.write(0, b"x" * agent.page_size)
    assert buffer.read(0, agent.page_size) == b"x" * agent.page_size


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 600), seed=st.integers(0, 2**64 - 1), offset=st.integers(0, 64))
def test_pattern_and_digest_are_the_same_at_both_ends(
    agent: RemoteProcess, size: int, seed: int, offset: int
) -> None:
    with agent.memory.allocate(1024) as buffer:
        agent.memory.fill(buffer.address + offset, size, seed)
        assert buffer.read() == bytes(offset) + fill_pattern(size, seed) + bytes(1024 - offset - size)
        assert agent.memory.digest(buffer.address + offset, size) == digest(fill_pattern(size, seed))


def test_payloads_of_megabytes_are_compared_without_travelling(agent: RemoteProcess) -> None:
    with agent.memory.allocate(1024 * 1024) as buffer:
        buffer.fill(42)
        assert buffer.digest() == digest(fill_pattern(buffer.size, 42))


def test_memory_larger_than_a_frame_is_read_and_written_in_pieces(agent: RemoteProcess) -> None:
    content = fill_pattern(4096, 7) * (9 * 256 + 1)
    with agent.memory.allocate(len(content)) as buffer:
        buffer.write(0, content)
        assert digest(buffer.read()) == digest(content)


def test_memory_is_read_while_the_main_thread_is_blocked(agent: RemoteProcess) -> None:
    blocked = agent.main.submit(SystemCall("ppoll", 0, 0, 0, 0))
    with agent.memory.allocate(10) as buffer:
        assert buffer.read() == bytes(10)
    assert not blocked.done


def test_a_buffer_is_freed_once(agent: RemoteProcess) -> None:
    with agent.memory.allocate(100) as buffer:
        buffer.write(95, b"12345")
        assert buffer.read(95) == b"12345"
        for offset, size in ((-1, 1), (96, 5), (101, 0), (0, 101)):
            with pytest.raises(UsageError, match="outside of a buffer of 100 bytes"):
                buffer.read(offset, size)
    buffer.close()
    with pytest.raises(UsageError, match="is closed already"):
        buffer.read()
    with pytest.raises(OSError, match="EFAULT"):
        agent.memory.read(buffer.address, 1)


def test_a_buffer_of_a_dead_process_closes_quietly(agent: RemoteProcess) -> None:
    with agent.memory.allocate(100):
        agent.kill()
