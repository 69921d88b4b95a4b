"""Which of the things that devices need a host reached over SSH has, and what fixes the rest."""

from __future__ import annotations

from emulator.base.architecture import ARCHITECTURES, DEFAULT, Architecture
from emulator.base.errors import SetupError
from emulator.base.prerequisites import KVM, install_command, package_of
from emulator.host.host import Host, check_output
from emulator.host.opening import open_host
from emulator.kinds.cuttlefish.doctor import cuttlefish_checks
from emulator.kinds.doctor import Check
from emulator.kinds.local.kind import local_check
from emulator.kinds.sdk.program import acceleration, emulator_program, list_avds

ANSWERS_WITHIN = 30.0
TOOLS = {
    "coreutils": ("env", "head", "mkfifo", "sha256sum", "tail", "timeout"),
    "findutils": ("find",),
    "util-linux": ("flock", "setsid"),
}
"""Programs that start and watch everything there, by Debian's package."""


def checks_on(address: str) -> list[Check]:
    """The things that devices need on the host at ssh://…, checked without starting any.

    Raises SetupError, with what fixes it, where the host cannot be logged in to.
    """
    with open_host(address) as host:
        return [
            Check("ssh", True, f"{address} has the key of ~/.ssh/known_hosts and accepts one of yours"),
            *(_package(host, package, programs) for package, programs in TOOLS.items()),
            *(_qemu(host, architecture) for architecture in ARCHITECTURES.values()),
            _kvm(host),
            _room(host),
            _sdk(host),
            *cuttlefish_checks(host),
            local_check(host),
        ]


def _package(host: Host, package: str, programs: tuple[str, ...]) -> Check:
    missing = [program for program in programs if host.find(program) is None]
    if not missing:
        return Check(package, True, "starts and watches what runs there")
    return Check(package, False, f"lacks {', '.join(missing)}", f"there: {install_command([package])}")


def _qemu(host: Host, architecture: Architecture) -> Check:
    program = architecture.qemu_program
    purpose = f"runs embedded devices and images of {architecture}"
    if host.find(program) is not None:
        return Check(program, True, purpose)
    fix = f"there: {install_command([package_of(program) or program])}"
    if architecture is DEFAULT:
        return Check(program, False, purpose, fix)
    return Check(program, True, f"{purpose}: {fix}", present=False)


def _kvm(host: Host) -> Check:
    script = 'test -r "$1" -a -w "$1" && echo opens; uname -m'
    found = check_output(host, ["sh", "-c", script, "sh", str(KVM)], ANSWERS_WITHIN).split()
    opens = "can be opened: acceleration=kvm uses it" if "opens" in found else "cannot be opened"
    return Check("kvm", True, f"{found[-1]}; {KVM} {opens}")


def _room(host: Host) -> Check:
    table = check_output(host, ["df", "-P", "-k", host.variable("HOME")], ANSWERS_WITHIN)
    row = table.splitlines()[-1].split()
    return Check("room", True, f"{int(row[3]) // 1024:,} MiB free below {host.directory}")


def _sdk(host: Host) -> Check:
    try:
        program = emulator_program(host)
        names = ", ".join(list_avds(host, program)) or "none yet"
        _, accelerated = acceleration(host, program)
    except SetupError as error:
        return Check("avd", True, str(error), present=False)
    return Check("avd", True, f"{program}; AVDs: {names}. {accelerated}")
