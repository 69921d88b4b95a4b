"""Which suite has the newest of Debian's kernels of a series, and which packages it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.base.architecture import X86_64, Architecture
from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import report
from emulator.cache.network import NoNetworkError
from emulator.cache.package_index import PackageIndex, Suites, has_lists, package_index
from emulator.cache.packages import is_recorded, version_in
from emulator.embedded.kernel.debian_kernels import (
    BUILT_HERE,
    DEFAULT_PAGES,
    SOURCE_PACKAGE,
    START,
    DebianKernel,
    kernel_of,
    newest,
    numbers_in,
)

SUITES: tuple[Suites, ...] = (
    (),
    ("oldstable-backports",),
    ("stable",),
    ("stable-backports",),
    ("testing",),
    ("unstable",),
)
"""Where a series is looked for, in turn: the machine's own sources, then other suites of its mirror."""


@dataclass(frozen=True)
class KernelPackages:
    """The packages of the newest kernel of a series, and where they are."""

    record: str
    """The name under which their versions are recorded."""
    packages: tuple[str, ...]
    """Each NAME=VERSION; first the one that is named after the kernel."""
    suites: Suites


def find_packages(kernel: DebianKernel, architecture: Architecture) -> KernelPackages:
    """The packages of a series' newest kernel, in the first suite that has one; found once, then recorded.

    Raises UsageError, with all series that there are, where no suite has one, and SetupError where one of the
    suites could not be read.
    """
    record = f"{START}{kernel}"

    def find(index: PackageIndex) -> str | None:
        name = newest(index.names(f"{START}{kernel.version.removesuffix('-rt')}."), kernel)
        if name is None:
            return None
        # From 7.0 on the image, its modules and their lists are three packages, which it depends on.
        parts = index.closure([name], rf"linux-(binary|modules|base)-{re.escape(name.removeprefix(START))}$")
        versions = index.versions([name, *parts])
        return " ".join(f"{part}={versions[part]}" for part in (name, *parts) if part in versions)

    unread: list[SetupError] = []
    recorded = [suites for suites in SUITES if is_recorded(record, architecture, suites)]
    for suites in recorded or SUITES:
        if _offline(unread) and not has_lists(architecture, suites):
            continue
        try:
            packages = version_in(record, find, architecture, suites)
        except SetupError as error:
            unread.append(error)
            continue
        if packages is not None:
            return KernelPackages(record, tuple(packages.split()), suites)
    if offline := _offline(unread):
        raise offline
    if unread:
        raise SetupError(
            f"No kernel {kernel.version} for {kernel.arch} was found in the suites that could be read, and "
            "some could not:\n" + "\n".join(map(str, unread))
        )
    existing = "\n".join(f"  {known}" for known, _ in all_kernels(architecture))
    raise UsageError(
        f"Debian has no kernel {kernel.version} for {kernel.arch} with pages of {kernel.pages}. "
        f"Choose one of:\n{existing}"
    )


def all_kernels(architecture: Architecture) -> Iterator[tuple[DebianKernel, str]]:
    """All series that Debian has for an architecture, the newest kernel of each, and that one's suite.

    A suite that cannot be read is reported and left out.
    """
    if architecture is X86_64:
        built = DebianKernel(BUILT_HERE, architecture.target_name, DEFAULT_PAGES)
        yield built, f"{SOURCE_PACKAGE}, built here"
    found: dict[DebianKernel, str] = {}
    unread: list[SetupError] = []
    for suites in SUITES:
        if _offline(unread) and not has_lists(architecture, suites):
            continue
        try:
            with package_index(architecture, suites) as index:
                names = index.names(START)
        except SetupError as error:
            report(str(error))
            unread.append(error)
            continue
        where = " ".join(suites) or "this machine's own sources"
        for kernel in {known for known in map(kernel_of, names) if known is not None} - found.keys():
            package = newest(names, kernel)
            if package is not None:
                found[kernel] = f"{package}, {where}"
    yield from sorted(found.items(), key=lambda item: _order(item[0]))


def _offline(errors: Sequence[SetupError]) -> NoNetworkError | None:
    """The first error that there is no network: it is the same for every suite."""
    return next((error for error in errors if isinstance(error, NoNetworkError)), None)


def _order(kernel: DebianKernel) -> tuple[list[int], DebianKernel]:
    return numbers_in(kernel.version), kernel
