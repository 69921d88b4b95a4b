"""Where a series of Debian's kernels is looked for, and what is said where there is none."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError, UsageError
from emulator.cache.network import NoNetworkError
from emulator.cache.package_index import Suites, apt_directory
from emulator.embedded.kernel.debian_kernels import DebianKernel
from emulator.embedded.kernel.suites import KernelPackages, all_kernels, find_packages


class _Index:
    """Stands in for the index of some suites."""

    def __init__(self, root: Path, packages: dict[str, str]) -> None:
        self.root = root
        self.packages = packages

    def names(self, start: str) -> list[str]:
        return [name for name in self.packages if name.startswith(start)]

    def closure(self, packages: list[str], pattern: str) -> list[str]:
        assert set(packages) <= self.packages.keys()
        return sorted(name for name in self.packages if re.match(pattern, name))

    def versions(self, packages: list[str]) -> dict[str, str]:
        return {name: self.packages[name] for name in packages if name in self.packages}


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Suites, dict[str, str] | None]:
    """The packages of each suite; None for one that cannot be read. Those that are not here are empty."""
    offered: dict[Suites, dict[str, str] | None] = {}

    @contextlib.contextmanager
    def package_index(
        architecture: Architecture, suites: Suites = (), **_options: object
    ) -> Iterator[_Index]:
        packages = offered.get(suites, {})
        if packages is None:
            raise SetupError(f"The list of {suites} cannot be read.")
        yield _Index(apt_directory(architecture, suites), packages)

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.packages.package_index", package_index)
    monkeypatch.setattr("emulator.embedded.kernel.suites.package_index", package_index)
    return offered


Offered = dict[Suites, dict[str, str] | None]
RELEASE = "7.3.4+deb13-amd64"
NEW = {f"linux-{part}-{RELEASE}": "7.3.4-1~bpo13+1" for part in ("image", "modules", "base")}
SEVEN = DebianKernel("7.3", "x86_64", "4k")


def test_a_series_comes_from_the_first_suite_that_has_it_with_all_of_its_packages(suites: Offered) -> None:
    suites[("stable-backports",)] = NEW
    suites[("unstable",)] = {"linux-image-7.3.9+deb14-amd64": "7.3.9-1"}
    found = find_packages(SEVEN, X86_64)
    assert found == KernelPackages(
        "linux-image-kernel=7.3&arch=x86_64&pages=4k",
        (
            f"linux-image-{RELEASE}=7.3.4-1~bpo13+1",
            f"linux-base-{RELEASE}=7.3.4-1~bpo13+1",
            f"linux-modules-{RELEASE}=7.3.4-1~bpo13+1",
        ),
        ("stable-backports",),
    )
    for unreadable in ((), ("stable",), ("stable-backports",)):
        suites[unreadable] = None
    assert find_packages(SEVEN, X86_64) == found, "what was found once is recorded"


def test_a_suite_that_cannot_be_read_keeps_no_series_from_the_others(suites: Offered) -> None:
    suites[("oldstable-backports",)] = None
    suites[("stable",)] = {"linux-image-6.12.117+deb13-amd64": "6.12.117-1"}
    assert find_packages(DebianKernel("6.12", "x86_64", "4k"), X86_64).suites == ("stable",)
    with pytest.raises(SetupError, match=r"some could not:\nThe list of \('oldstable-backports',\) cannot"):
        find_packages(SEVEN, X86_64)


def test_a_series_that_debian_has_not_is_refused_with_those_that_it_has(
    suites: Offered, capsys: pytest.CaptureFixture[str]
) -> None:
    suites[()] = {"linux-image-6.12.117+deb12-arm64-16k": "1", "linux-image-6.1.0-57-arm64": "1"}
    with pytest.raises(UsageError, match=r"no kernel 6\.2 for arm64 with pages of 4k") as refused:
        find_packages(DebianKernel("6.2", "arm64", "4k"), AARCH64)
    assert str(refused.value).splitlines()[1:] == [
        "  kernel=6.1&arch=arm64&pages=4k",
        "  kernel=6.12&arch=arm64&pages=16k",
    ]
    suites[("testing",)] = None
    assert [(str(kernel), origin.partition(", ")[0]) for kernel, origin in all_kernels(AARCH64)] == [
        ("kernel=6.1&arch=arm64&pages=4k", "linux-image-6.1.0-57-arm64"),
        ("kernel=6.12&arch=arm64&pages=16k", "linux-image-6.12.117+deb12-arm64-16k"),
    ]
    assert "The list of ('testing',) cannot be read" in capsys.readouterr().err


def test_without_the_network_one_suite_is_tried_and_one_reason_given(
    suites: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would take apt ten seconds to give up, and six errors say what one does."""
    tried: list[Suites] = []

    @contextlib.contextmanager
    def package_index(architecture: Architecture, asked: Suites = (), **_options: object) -> Iterator[_Index]:
        tried.append(asked)
        if asked != ("testing",):
            raise NoNetworkError("Temporary failure resolving 'mirror'")
        yield _Index(apt_directory(architecture, asked), suites[asked] or {})

    monkeypatch.setattr("emulator.cache.packages.package_index", package_index)
    monkeypatch.setattr("emulator.embedded.kernel.suites.package_index", package_index)
    with pytest.raises(NoNetworkError, match="reached: Temporary failure resolving 'mirror'"):
        find_packages(SEVEN, X86_64)
    assert tried == [()]
    lists = apt_directory(X86_64, ("testing",)) / "state/lists"
    lists.mkdir(parents=True)
    (lists / "testing_Packages").touch()
    suites[("testing",)] = NEW
    assert find_packages(SEVEN, X86_64).suites == ("testing",), "what was read before is used"
