"""Whether a host has what Cuttlefish needs, and what fixes the rest."""

from __future__ import annotations

from emulator.base.errors import SetupError
from emulator.host.host import Host
from emulator.kinds.cuttlefish.artifacts import find_artifacts
from emulator.kinds.cuttlefish.host import CuttlefishHost, read_host
from emulator.kinds.cuttlefish.tools import cvd_program
from emulator.kinds.doctor import Check

RESOURCES = "cuttlefish-host-resources"


def cuttlefish_checks(host: Host) -> list[Check]:
    """Everything that Cuttlefish needs on a host, checked without starting a device.

    One check that passes, and says so, where Cuttlefish is not there at all: few need it. SetupError where
    the host does not answer.
    """
    program = cvd_program(host)
    try:
        found = find_artifacts(host)
    except SetupError as error:
        if program is None:
            return [Check("cuttlefish", True, str(error), present=False)]
        return [
            Check("cuttlefish", True, f"{program} is here, but host tools or images are not. {error}"),
            *host_checks(read_host(host)),
        ]
    starter = program or "launch_cvd"
    detail = f"{starter}; host tools in {found.host_path}, images in {found.product_path}"
    return [Check("cuttlefish", True, detail), *host_checks(read_host(host))]


def host_checks(found: CuttlefishHost) -> list[Check]:
    """What a host must give to the user who starts Cuttlefish."""
    return [_groups(found), _kvm(found), _interfaces(found)]


def _groups(found: CuttlefishHost) -> Check:
    name = "cuttlefish groups"
    if found.container:
        return Check(name, True, "in a container, Cuttlefish checks none")
    missing = found.missing_groups
    if not missing:
        return Check(name, True, "this user has the groups that Cuttlefish asks for")
    join = f"sudo usermod -aG {','.join(missing)} $USER; then log in again"
    return Check(
        name,
        False,
        f"this user is not in {' and '.join(missing)}, which `cvd create` asks for, even of root",
        f"{join}. The package cuttlefish-base makes cvdnetwork",
    )


def _kvm(found: CuttlefishHost) -> Check:
    if found.kvm:
        return Check("cuttlefish kvm", True, "/dev/kvm can be opened")
    return Check(
        "cuttlefish kvm",
        False,
        "/dev/kvm cannot be opened, and Cuttlefish's crosvm runs on nothing else",
        "load kvm_intel or kvm_amd, or enable nested virtualization; give this user /dev/kvm",
    )


def _interfaces(found: CuttlefishHost) -> Check:
    name = "cuttlefish network"
    if not found.instances:
        return Check(
            name,
            False,
            "no interface cvd-mtap-NN: instances find no network",
            f"sudo systemctl start {RESOURCES}, or in a container sudo service {RESOURCES} start",
        )
    first, last = found.instances[0], found.instances[-1]
    return Check(
        name,
        True,
        f"interfaces for {len(found.instances)} instances, {first} to {last}; more: num_cvd_accounts in "
        f"/etc/default/{RESOURCES}",
    )
