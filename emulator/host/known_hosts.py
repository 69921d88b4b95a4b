"""Refuses a host whose key nobody has vouched for, with the line that would vouch for it."""

from __future__ import annotations

import paramiko


class UnknownKeyError(paramiko.SSHException):
    """The host's key stands in no known_hosts."""


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """What paramiko asks about a host whose key it does not know."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Raise UnknownKeyError, whose message holds the key's fingerprint and its line."""
        line = paramiko.hostkeys.HostKeyEntry([hostname], key).to_line()
        raise UnknownKeyError(
            f"The key of the host {hostname} is not in ~/.ssh/known_hosts. If its fingerprint is "
            f"{key.fingerprint}, add this line there:\n{line}"
        )
