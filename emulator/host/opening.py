"""Opens the machine that an address names: this one, or one reached over SSH."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from emulator.host.host import Host


def open_host(address: str) -> AbstractContextManager[Host]:
    """The host at ssh://…, its connection open for a block, or this machine where nothing is written.

    Raises SetupError, with what fixes it, where the host does not let us in.
    """
    if address:
        from emulator.host.ssh_host import SshHost  # and paramiko, which takes a moment

        return SshHost(address)
    from emulator.host.this_machine import ThisMachine

    return contextlib.nullcontext(ThisMachine())
