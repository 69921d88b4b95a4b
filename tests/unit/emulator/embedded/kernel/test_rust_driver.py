"""How the driver in Rust is built: the tools, the commands, and what is said where it fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError
from emulator.embedded.kernel import rust_driver as module
from emulator.embedded.kernel.rust_driver import (
    build_suites,
    compiler_of,
    compiler_packages,
    make_command,
    remedy,
    rust_driver,
    sandbox,
    source_package,
)
from emulator.embedded.kernel.suites import KernelPackages

RELEASE = "7.3.4+deb13-amd64"
PACKAGES = KernelPackages("7.3", (f"linux-image-{RELEASE}=7.3.4-1~bpo13+1",), ("stable-backports",))


def test_the_source_is_that_of_the_kernels_series() -> None:
    assert source_package(RELEASE) == "linux-source-7.3"


def test_tools_come_from_the_suite_below_the_backports_of_a_kernel() -> None:
    assert build_suites(("stable-backports",)) == ("stable", "stable-backports")
    assert build_suites(("testing",)) == ("testing",)
    assert build_suites(()) == ()


GCC, CROSS_GCC = "x86_64-linux-gnu-gcc-14", "aarch64-linux-gnu-gcc-14"


def test_the_compiler_is_the_one_that_the_kernel_was_built_with(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text(f'CONFIG_CC_VERSION_TEXT="{CROSS_GCC} (Debian 14.2.0-19) 14.2.0"\n')
    assert compiler_of(tmp_path, RELEASE) == CROSS_GCC
    (tmp_path / ".config").write_text("CONFIG_RUST=y\n")
    with pytest.raises(SetupError, match="names no compiler"):
        compiler_of(tmp_path, RELEASE)


@pytest.mark.parametrize(
    ("compiler", "architecture", "here", "packages", "crossing"),
    [
        (GCC, X86_64, X86_64, ["gcc-14"], []),
        (CROSS_GCC, AARCH64, AARCH64, ["gcc-14"], []),
        (
            *(CROSS_GCC, AARCH64, X86_64),
            ["gcc-14", "gcc-14-aarch64-linux-gnu"],
            ["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"],
        ),
        (
            *(GCC, X86_64, AARCH64),
            ["gcc-14", "gcc-14-x86-64-linux-gnu"],
            ["ARCH=x86_64", "CROSS_COMPILE=x86_64-linux-gnu-"],
        ),
    ],
)
def test_a_kernel_for_another_architecture_is_cross_compiled(
    compiler: str, architecture: Architecture, here: Architecture, packages: list[str], crossing: list[str]
) -> None:
    assert compiler_packages(compiler, here) == packages
    command = make_command(compiler, RELEASE, architecture, here)
    assert command[:4] == [
        "make",
        f"CC={compiler}",
        f"HOSTCC={here.gnu_triplet}-gcc-14",
        f"KERNELRELEASE={RELEASE}",
    ]
    assert command[5:] == crossing


def test_the_build_cannot_change_its_tools_or_reach_a_network(tmp_path: Path) -> None:
    words = " ".join(sandbox(tmp_path / "root", tmp_path / "tree"))
    assert "--unshare-all" in words
    assert f"--ro-bind {tmp_path}/root /" in words
    assert f"--bind {tmp_path}/tree /build" in words


@pytest.mark.parametrize(
    ("output", "fix"),
    [
        ('ERROR: modpost: "_RNvCs1" [rust_binder.ko] undefined!', "Choose a newer kernel"),
        ("ld: cannot write: No space left on device", "disk is full"),
        ("bwrap: No permissions to create new namespace", "user namespaces"),
        ("error[E0425]: cannot find value", "Choose another kernel"),
    ],
)
def test_a_build_that_fails_has_a_remedy(output: str, fix: str) -> None:
    assert fix in remedy(output, RELEASE)


@pytest.fixture
def _no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "unpack", lambda *_arguments, **_options: pytest.fail("downloads"))


@pytest.mark.usefixtures("_no_download")
def test_a_missing_sandbox_is_named_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"apt-get install .*bubblewrap"):
        rust_driver(PACKAGES, X86_64)
    assert not list(tmp_path.glob("rust_binder*")), "nothing half-built is kept"


@pytest.mark.usefixtures("_no_download")
def test_a_full_disk_is_found_before_anything_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUST_BUILD", ())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1_500_000_000))
    with pytest.raises(SetupError, match=r"takes 5 GB below .* and 1\.5 GB are free"):
        rust_driver(PACKAGES, X86_64)


def test_a_driver_that_cannot_be_downloaded_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise SetupError("E: Unable to locate package rustc")

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "RUST_BUILD", ())
    monkeypatch.setattr(module, "unpack", fail)
    with pytest.raises(SetupError, match="package rustc"):
        rust_driver(PACKAGES, X86_64)
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
