"""The agent's pattern and digest in Python, so that payloads are made and compared without travelling.

Both are BLAKE2b (RFC 7693). It is strong, so that no stale, displaced or repeated piece passes for the right
one; it is short in C, and cheap on an emulated processor too; and it is in Python's standard library, where
1 MiB takes about 7 ms to make and 1 ms to digest.
"""

from __future__ import annotations

import hashlib
import struct

DIGEST_SIZE = 16
_BLOCK = 64
_SEED_AND_INDEX = struct.Struct("<QQ")


def fill_pattern(size: int, seed: int) -> bytes:
    """The `size` bytes that Fill writes: in each 64, the BLAKE2b of the seed and the index of the block."""
    pack = _SEED_AND_INDEX.pack
    blake2b = hashlib.blake2b
    blocks = -(-size // _BLOCK)
    return b"".join([blake2b(pack(seed, index)).digest() for index in range(blocks)])[:size]


def digest(data: bytes) -> bytes:
    """The 16 bytes that Digest answers for memory that holds `data`."""
    return hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest()
