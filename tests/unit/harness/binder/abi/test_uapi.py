"""Holds our constants and layouts against the kernel's own header, for both architectures."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import pytest
import ziglang
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi import structures as kernel
from harness.binder.abi import uapi
from harness.binder.abi.layout import Structure, TruncatedStructureError

HEADERS = Path(ziglang.__file__).parent / "lib/libc/include/any-linux-any/linux/android"

ENUMS: tuple[type[IntEnum], ...] = (
    kernel.TransactionFlag,
    kernel.FlatBinderFlag,
    kernel.ObjectType,
    kernel.BufferFlag,
    uapi.BinderIoctl,
    uapi.BinderReturn,
    uapi.BinderCommand,
)  # type: ignore[assignment]  # IntFlag is no IntEnum, and is iterated alike

NOT_VALUES = {"BINDER_IPC_32BIT"}
"""Names in the header that have no value: the switch between the 32-bit and the 64-bit protocol."""


def kernel_name(structure: type[Structure]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", structure.__name__).lower()


def kernel_member(structure: type[Structure], field: str) -> str:
    """Where our flat field stands in the kernel's nested structures and unions."""
    if issubclass(structure, kernel.BinderTransactionData):
        member = {"buffer": "data.ptr.buffer", "offsets": "data.ptr.offsets"}.get(field, field)
        nested = structure is not kernel.BinderTransactionData and field not in ("secctx", "buffers_size")
        return f"transaction_data.{member}" if nested else member
    if field == "type" and structure is not kernel.BinderObjectHeader:
        return "hdr.type"
    return field


def structures() -> list[type[Structure]]:
    return [
        value
        for value in vars(kernel).values()
        if isinstance(value, type) and issubclass(value, Structure) and value is not Structure
    ]


def assertions() -> Iterator[str]:
    values = {name: int(member) for kind in ENUMS for name, member in kind.__members__.items()}
    values["BINDER_CTL_ADD"] = uapi.BINDER_CTL_ADD
    values["BINDERFS_MAX_NAME"] = kernel.BINDERFS_MAX_NAME
    values["BINDER_CURRENT_PROTOCOL_VERSION"] = uapi.BINDER_CURRENT_PROTOCOL_VERSION
    for name, value in values.items():
        yield f'_Static_assert({name} == {value}u, "{name}");'
    for structure in structures():
        name = kernel_name(structure)
        yield f'_Static_assert(sizeof(struct {name}) == {structure.sizeof()}, "sizeof {name}");'
        for field in dataclasses.fields(structure):  # type: ignore[arg-type]
            member = kernel_member(structure, field.name)
            offset = structure.offsetof(field.name)
            yield f'_Static_assert(offsetof(struct {name}, {member}) == {offset}, "{name}.{member}");'


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_compiler_agrees_with_every_value_size_and_offset(architecture: str, tmp_path: Path) -> None:
    source = tmp_path / "layout.c"
    headers = ("#include <stddef.h>", "#include <linux/android/binderfs.h>")
    source.write_text("\n".join((*headers, *assertions(), "")))
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-musl"]
    checked = subprocess.run(
        [*compiler, "-c", str(source), "-o", str(tmp_path / "layout.o")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_nothing_the_header_defines_is_missing() -> None:
    header = (HEADERS / "binder.h").read_text() + (HEADERS / "binderfs.h").read_text()
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    values = set(re.findall(r"\b((?:BINDER|BINDERFS|BC|BR|TF|FLAT_BINDER)_\w+)\s*=", code))
    values |= set(re.findall(r"#define (BINDER(?:FS)?_\w+) ", code))
    ours = {name for kind in ENUMS for name in kind.__members__}
    ours |= {name for name in vars(uapi) | vars(kernel) if name.startswith("BINDER")}
    assert values - NOT_VALUES - ours == set()
    assert set(re.findall(r"^struct (\w+) \{", code, flags=re.MULTILINE)) == {
        kernel_name(structure) for structure in structures()
    }


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 40))
def test_what_is_packed_is_unpacked(handle: int, cookie: int, offset: int) -> None:
    packed = kernel.BinderHandleCookie(handle, cookie)
    assert kernel.BinderHandleCookie.unpack(bytes(offset) + packed.pack(), offset) == packed


@given(st.sampled_from(structures()), st.integers(1, 8))
def test_a_structure_that_does_not_fit_is_refused(structure: type[Structure], missing: int) -> None:
    with pytest.raises(TruncatedStructureError, match=f"takes {structure.sizeof()} bytes"):
        structure.unpack(bytes(max(0, structure.sizeof() - missing)))


def test_addresses_print_in_hexadecimal_and_flags_by_name() -> None:
    printed = repr(kernel.BinderTransactionData(buffer=0x7F00, flags=kernel.TransactionFlag.TF_ONE_WAY))
    assert "buffer=0x7f00" in printed
    assert "TF_ONE_WAY" in printed


def test_a_handle_is_the_lower_half_of_the_union() -> None:
    assert kernel.FlatBinderObject(type=0, binder=0xDEAD_0000_0007).handle == 7
