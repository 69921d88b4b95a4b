"""What Cuttlefish asks of the machine that it runs on: groups, KVM, network interfaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.base.command import script
from emulator.host.host import Host, check_output

ANSWERS_WITHIN = 20.0
TAP = re.compile(r"interface cvd-mtap-(\d+)")
"""Of instance N (android-cuttlefish 1.57, debian/cuttlefish-base.cuttlefish-host-resources.init)."""
USUAL_INSTANCES = range(1, 11)
"""The instances that the package cuttlefish-base makes interfaces for, unless its configuration sets
num_cvd_accounts (debian/cuttlefish-base.cuttlefish-host-resources.default)."""


@dataclass(frozen=True)
class CuttlefishHost:
    """What a host shows of what Cuttlefish needs."""

    groups: frozenset[str]
    """The names of the groups that our processes there have."""
    container: bool
    kvm: bool
    """Whether /dev/kvm can be opened."""
    instances: tuple[int, ...]
    """The instance numbers that have network interfaces, ascending; empty where none can be seen."""

    @property
    def missing_groups(self) -> list[str]:
        """The groups without which `cvd create` refuses to start anything, for root as for others.

        android-cuttlefish 1.57, host/libs/vm_manager/host_configuration.cpp, ValidateHostConfiguration:
        `cvdnetwork` always, `kvm` where /dev/kvm cannot be opened, and neither in a container.
        """
        if self.container:
            return []
        needed = ["cvdnetwork"] if self.kvm else ["cvdnetwork", "kvm"]
        return [group for group in needed if group not in self.groups]


def read_host(host: Host) -> CuttlefishHost:
    """Look at a host, without starting anything of Cuttlefish; SetupError where it does not answer."""
    return parse_host(check_output(host, script(__file__, "read_host.sh"), ANSWERS_WITHIN))


def parse_host(text: str) -> CuttlefishHost:
    """What the lines of read_host.sh mean; other lines mean nothing."""
    lines = text.splitlines()
    groups = (line.removeprefix("groups ") for line in lines if line.startswith("groups "))
    return CuttlefishHost(
        groups=frozenset(name for line in groups for name in line.split()),
        # Docker and Podman mark their containers by a file (common/libs/utils/container.cpp).
        container="container" in lines,
        kvm="kvm" in lines,
        instances=tuple(sorted({int(match[1]) for line in lines if (match := TAP.fullmatch(line))})),
    )
