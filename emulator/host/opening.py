"""Opens the host that an address names: this machine, or one reached over SSH."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from emulator.host.host import Host


def open_host(address: str) -> AbstractContextManager[Host]:
    """The host at ssh://…, connected for a block, or this machine where the address is empty.

    Raises SetupError, with what fixes it, where the host cannot be logged in to.
    """
    if address:
        from emulator.host.ssh_host import SshHost  # with paramiko, whose import takes 0.1 s

        return SshHost(address)
    from emulator.host.this_machine import ThisMachine

    return contextlib.nullcontext(ThisMachine())
