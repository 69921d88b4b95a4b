"""Has nothing sent on an SSH channel after its close: for that, OpenSSH ends the whole connection.

paramiko lets go of a channel's lock before it sends what it has made under it. So a thread's data or
end-of-file may come after the close by which another thread, or its own on hearing the host's, has ended the
channel (github.com/paramiko/paramiko, issues 1115 and 1705; RFC 4254, 5.3).
"""

from __future__ import annotations

import threading
from typing import Any, cast

import paramiko

CHANNEL_CLOSE = 97
"""SSH_MSG_CHANNEL_CLOSE (RFC 4254, 9)."""


def in_order(channel: paramiko.Channel) -> paramiko.Channel:
    """The channel, just opened, from now on silent once it has been closed."""
    channel.transport = cast(paramiko.Transport, _SilentOnceClosed(channel.transport))
    return channel


class _SilentOnceClosed:
    """What one channel takes for its transport."""

    def __init__(self, transport: Any) -> None:  # of whose methods the annotations leave out some
        self._transport = transport
        self._sending = threading.Lock()
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send_user_message(self, message: paramiko.Message) -> None:
        with self._sending:
            if not self._closed:
                self._closed = message.asbytes()[0] == CHANNEL_CLOSE
                self._transport._send_user_message(message)
