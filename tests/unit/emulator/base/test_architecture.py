from __future__ import annotations

import platform

import pytest

from emulator.base.architecture import AARCH64, ARCHITECTURES, BY_TARGET_NAME, X86_64, architecture_named
from emulator.base.errors import UsageError


def test_architectures_are_found_by_their_names() -> None:
    assert architecture_named("aarch64") is AARCH64
    assert BY_TARGET_NAME["arm64"] is AARCH64
    assert [str(architecture) for architecture in ARCHITECTURES.values()] == ["x86_64", "aarch64"]


def test_compiler_targets_follow_the_name() -> None:
    assert (X86_64.gnu_triplet, AARCH64.musl_triplet) == ("x86_64-linux-gnu", "aarch64-linux-musl")


def test_this_machine_s_own_architecture_is_native() -> None:
    assert [name for name in ARCHITECTURES if ARCHITECTURES[name].native] == [platform.machine()]


@pytest.mark.parametrize("name", ["riscv64", "arm64", ""])
def test_any_other_name_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"^The architecture '{name}' is not supported: .* x86_64 and aarch64"
    ):
        architecture_named(name)
