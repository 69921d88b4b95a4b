"""What drivers differ in, as far as the model knows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What drivers differ in; found by trying."""

    reports_pending: bool = True
    """One-way calls to a frozen process return BR_TRANSACTION_PENDING_FROZEN: Linux 6.12, not 6.1."""
    counts_latest: bool = False
    """A one-way call counts itself when it is judged to be spam: Linux 6.1, not 6.12."""
    shows_offsets: bool = True
    """The debug files show where a buffer is: Linux 6.12; 6.1 shows a hashed address."""
    shows_counts: bool = True
    """The debug files show every count of a node: the driver in C; in Rust it has other counts."""
    serves_only_pool: bool = False
    """A thread outside the pool gets no work of its process: the driver in Rust, not in C."""
    returns_at_first: bool = True
    """A thread's first read returns even with nothing to read: the driver in C, not in Rust."""
    notifies_of_freezing: bool = True
    """There are freeze notifications: Linux 6.12, not 6.1."""
    page_size: int = 4096
    """Bytes."""
    security_context: int = 8
    """Bytes that the sender's security context takes in a buffer, or the negative errno of what has none."""


LINUX_6_12 = Features()
LINUX_6_1 = Features(
    reports_pending=False, counts_latest=True, shows_offsets=False, notifies_of_freezing=False
)
