"""The agent's fill pattern and digest in Python, to create and compare payloads without transferring them.

Both are BLAKE2b (RFC 7693). It is strong: stale, displaced or repeated pieces never pass for the right ones.
It is short in C, fast on an emulated processor too, and in Python's standard library, where 1 MiB takes about
7 ms to generate and 1 ms to digest.
"""

from __future__ import annotations

import hashlib
import struct

DIGEST_SIZE = 16
_BLOCK = 64
_SEED_AND_INDEX = struct.Struct("<QQ")


def fill_pattern(size: int, seed: int) -> bytes:
    """The `size` bytes that Fill writes: each block of 64 is the BLAKE2b of the seed and its own index."""
    pack = _SEED_AND_INDEX.pack
    blake2b = hashlib.blake2b
    blocks = -(-size // _BLOCK)
    return b"".join([blake2b(pack(seed, index)).digest() for index in range(blocks)])[:size]


def digest(data: bytes) -> bytes:
    """The 16 bytes that Digest computes for memory with this content."""
    return hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest()
