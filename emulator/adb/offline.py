"""When a connection that adb lists as offline is given up: nobody may be left at its other end."""

from __future__ import annotations

from emulator.base.deadline import Deadline

OFFLINE = ("offline", "connecting")
"""The states of a device that does not answer (AOSP, packages/modules/adb, to_string(ConnectionState))."""
PATIENCE = 3.0
"""How long, in seconds, an address may be offline at first before it is connected anew."""


class OfflineConnection:
    """How long one address has been offline; its patience doubles each time that it is given up.

    A device that restarts says no farewell, and adb then waits for it on the old connection, or on one that
    began before the device had its network: for up to two minutes. A busy one may need longer for a
    handshake, so the patience grows.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._until: Deadline | None = None

    def is_dead(self, state: str) -> bool:
        """Whether to give the connection up, now that the address is in this state."""
        if state not in OFFLINE:
            self._until = None
            return False
        if self._until is None:
            self._until = Deadline(self._patience)
        if not self._until.expired:
            return False
        self._until = None
        self._patience *= 2
        return True
