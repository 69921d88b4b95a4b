"""What usually fixes the errors of apt and dpkg."""

from __future__ import annotations

import re

FULL_DISK = (
    "The disk is full. Free some space (`binder-harness cache --clear`), or set BINDER_HARNESS_CACHE to a "
    "directory with room."
)
REMEDIES = {
    "Mirror sync in progress|unexpected size|Hash Sum mismatch": (
        "The mirror is being updated. Try again in some minutes."
    ),
    "No space left|enough free space|ENOSPC": FULL_DISK,
    "NO_PUBKEY|is not signed|couldn't be verified": (
        "This machine lacks the suite's key. Install the package debian-archive-keyring."
    ),
    "does not have a Release file|404 |Unable to locate|no installation candidate|was not found": (
        "The mirror does not have that suite or package, or no longer has."
    ),
}
"""What to do about apt's errors, by the words in them (apt-pkg/acquire-item.cc, methods/gpgv.cc, 2.6)."""


def remedy(output: str) -> str:
    """What usually fixes a failure of apt with this output."""
    return _remedy(output) or "Is the network reachable?"


def unpacking_remedy(output: str) -> str:
    """What usually fixes a failure of dpkg-deb with this output."""
    return _remedy(output) or "The package cannot be unpacked: look at what dpkg-deb said, and try again."


def _remedy(output: str) -> str | None:
    return next((fix for words, fix in REMEDIES.items() if re.search(words, output)), None)
