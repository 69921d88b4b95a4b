"""How a host is written in a target, without what speaks to it."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_host(text: str) -> bool:
    """Whether `text` is ssh://HOST, with a user and a port if need be."""
    try:
        parts = urlsplit(text)
        return bool(
            parts.scheme == "ssh"
            and parts.hostname
            and not (parts.path or parts.query or parts.fragment or parts.password)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:  # of a port that is no number
        return False
