"""Changes bytes at random, in the ways in which programs that read them fail."""

from __future__ import annotations

import random
import struct

NUMBERS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(data: bytes, choice: random.Random) -> bytes:
    """The bytes with some flipped, cut out, repeated, or replaced by a number from the edge of its range."""
    changed = bytearray(data)
    for _ in range(choice.randint(1, 4)):
        position = choice.randrange(len(changed) + 1)
        end = min(len(changed), position + choice.choice((1, 4, 8, 64)))
        match choice.randrange(5):
            case 0 if position < len(changed):
                changed[position] ^= 1 << choice.randrange(8)
            case 1:
                del changed[position:end]
            case 2:
                changed[position:position] = changed[position:end]
            case 3:
                del changed[position:]
            case _:
                changed[position : position + 4] = struct.pack("<I", choice.choice(NUMBERS))
    return bytes(changed)
