"""Which of Debian's packages are kernels, and which is the newest of a series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.embedded.kernel.debian_kernels import DebianKernel, kernel_of, newest


@pytest.mark.parametrize(
    ("package", "kernel"),
    [
        ("linux-image-6.1.0-57-amd64", "kernel=6.1&arch=x86_64&pages=4k"),
        ("linux-image-6.1.0-57-rt-arm64", "kernel=6.1-rt&arch=arm64&pages=4k"),
        ("linux-image-6.12.117+deb12-arm64-16k", "kernel=6.12&arch=arm64&pages=16k"),
        ("linux-image-6.12.90+deb12.1-amd64", "kernel=6.12&arch=x86_64&pages=4k"),
        ("linux-image-7.3.4+deb13-rt-amd64", "kernel=7.3-rt&arch=x86_64&pages=4k"),
        ("linux-image-7.3.4+deb13-amd64-unsigned", "None"),
        ("linux-image-7.3.4+deb13-cloud-amd64", "None"),
        ("linux-image-7.3.4+deb13-amd64-dbg", "None"),
        ("linux-image-6.12-amd64", "None"),
        ("linux-image-amd64", "None"),
    ],
)
def test_a_kernels_package_names_its_series(package: str, kernel: str) -> None:
    assert str(kernel_of(package)) == kernel


@given(st.lists(st.integers(0, 300), min_size=1, unique=True))
def test_releases_compare_by_their_numbers(releases: list[int]) -> None:
    names = [f"linux-image-6.12.{release}+deb13-amd64" for release in releases]
    wanted = DebianKernel("6.12", "x86_64", "4k")
    assert newest(names, wanted) == f"linux-image-6.12.{max(releases)}+deb13-amd64"
    assert newest(names, DebianKernel("6.12-rt", "x86_64", "4k")) is None
