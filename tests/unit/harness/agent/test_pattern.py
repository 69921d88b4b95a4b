from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.agent.pattern import DIGEST_SIZE, digest, fill_pattern

SEEDS = st.integers(0, 2**64 - 1)


def test_the_pattern_stays_as_it_was_published() -> None:
    assert fill_pattern(8, 1).hex() == "536126854197cdc6"
    assert digest(b"").hex() == "cae66941d9efbd404e4d88758ea67670"


@given(SEEDS, st.integers(0, 300), st.integers(0, 300))
def test_a_shorter_pattern_begins_a_longer_one(seed: int, size: int, more: int) -> None:
    assert len(fill_pattern(size, seed)) == size
    assert fill_pattern(size + more, seed)[:size] == fill_pattern(size, seed)


@given(SEEDS, SEEDS)
def test_no_two_blocks_or_seeds_look_alike(one: int, other: int) -> None:
    blocks = [
        fill_pattern(256, seed)[offset : offset + 64] for seed in {one, other} for offset in range(0, 256, 64)
    ]
    assert len(set(blocks)) == len(blocks)


@given(st.binary(max_size=300), st.integers(0, 299))
def test_the_digest_detects_a_single_changed_byte(data: bytes, position: int) -> None:
    assert len(digest(data)) == DIGEST_SIZE
    if position < len(data):
        changed = bytearray(data)
        changed[position] ^= 1
        assert digest(bytes(changed)) != digest(data)
