"""Compares sentences that state figures: which words differ, past those that differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

VARIES = re.compile(
    r"(?<=\bprocess )[1-9]\d*"  # the kernel hands out process ids as it pleases; it says 0 for "not told"
    r"|(?<=\bprocesses )\[[\d, ]+\]"
    r"|(?<=\bpid=)\d+"
    r"|(?<=\bframes )0x[\da-f]+(, 0x[\da-f]+)*"
    r"|(?<=\bamong the sender's )\d+(?=,)"  # all the frames of a process, which depend on what it has run
    r"|\b\d[\d,.]*(?= (ms|µs|us)\b)"
)
"""What one and the same device says differently each time: process ids, frame numbers, durations."""

ANYTHING = "…"
"""Stands in a sentence for what varies, and for what differs."""

WORDS = re.compile(r"\d[\d,.]*\d|\w+|\s+|.", re.DOTALL)
"""A figure with its separators is one word."""


def lasting(sentence: str) -> str:
    """The sentence as the same device would say it again."""
    return VARIES.sub(ANYTHING, sentence)


def clauses(sentence: str) -> tuple[str, ...]:
    """What the sentence says that lasts, in whichever order it does."""
    return tuple(sorted(lasting(sentence).split("; ")))


@dataclass(frozen=True, slots=True)
class Common:
    """What sentences have in common."""

    sentence: str
    """With an ellipsis wherever they differ."""
    figures: tuple[tuple[str, ...], ...]
    """For each sentence, in order, what it has there; what stands in several places counts once."""


def common(sentences: Sequence[str], *, figures: int) -> Common | None:
    """What the sentences have in common, where they differ in at most that many figures; else None.

    They are compared word by word, so one that has a word more than another has nothing in common with it.
    """
    words = [WORDS.findall(sentence) for sentence in sentences]
    if len({len(each) for each in words}) != 1:
        return None
    columns = list(zip(*words, strict=True))
    differing = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
    if len(differing) > figures or not all(word[0].isdigit() for column in differing for word in column):
        return None
    sentence = "".join(column[0] if len(set(column)) == 1 else ANYTHING for column in columns)
    return Common(sentence, tuple(zip(*differing, strict=True)) or ((),) * len(sentences))
