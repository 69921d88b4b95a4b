from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError
from emulator.build import agents as build
from tests.support.elf import segments

EM_X86_64 = 62
EM_AARCH64 = 183
PT_LOAD = 1
PT_INTERP = 3
LARGEST_PAGE = 65536


@pytest.mark.parametrize("program", [build.syscall_agent, build.ipc_bench])
@pytest.mark.parametrize(("architecture", "machine"), [(X86_64, EM_X86_64), (AARCH64, EM_AARCH64)])
def test_agents_are_static_and_fit_pages_of_every_size(
    program: Callable[[Architecture], Path], architecture: Architecture, machine: int
) -> None:
    built = program(architecture)
    executable = built.read_bytes()
    assert struct.unpack_from("<H", executable, 18) == (machine,)
    assert PT_INTERP not in [kind for kind, *_ in segments(executable)]
    loaded = [(size, alignment) for kind, size, alignment in segments(executable) if kind == PT_LOAD]
    assert {alignment for _, alignment in loaded} == {LARGEST_PAGE}
    assert built.stat().st_mode & 0o111 == 0o111
    # The file has up to a page more, of zeros, before a segment.
    assert sum(size for size, _ in loaded) < 100_000


@pytest.mark.parametrize(("architecture", "machine"), [(X86_64, EM_X86_64), (AARCH64, EM_AARCH64)])
def test_the_program_on_a_device_s_own_libbinder_is_linked_by_the_device(
    architecture: Architecture, machine: int
) -> None:
    executable = build.own_libbinder(architecture).read_bytes()
    assert struct.unpack_from("<H", executable, 18) == (machine,)
    assert PT_INTERP in [kind for kind, *_ in segments(executable)]
    assert b"\0/system/bin/linker64\0" in executable
    assert {alignment for kind, _, alignment in segments(executable) if kind == PT_LOAD} == {LARGEST_PAGE}


def test_the_compilers_messages_reach_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "emulator.build")
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "_FLAGS", ("-no-such-flag",))
    with pytest.raises(SetupError, match="no-such-flag"):
        build.syscall_agent(X86_64)
    assert "syscall_agent for x86_64" in caplog.text
    assert not list(tmp_path.rglob("syscall_agent"))
