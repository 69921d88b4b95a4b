"""The lines of the driver's debug files as they arrive: quoted, searched with grep, broken by a terminal.

`numbered` takes off what was added around a line; `rejoined` puts together what was broken.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from emulator.base.lines import without_long_numbers

Line = tuple[int, str]
"""A line's number, from 1, and its text."""

_GREP = re.compile(
    r"(?:\S*/)?(?:state|stats|transactions|\w*transaction_log)(?:_hashed)?[:-](?:\d+[:-])?(?=\S|  )"
    r"|(?:\S*/)?\d+[:-](?=  |proc \d|context |binder |dead nodes:|B[CR]_)"
)
"""What grep puts before a line of several files: the name, and with -n the line's number."""
_QUOTE = re.compile(r"(?:> ?)+")
_MOST_PIECES = 6
_LARGEST_PID = 4 << 20
"""PID_MAX_LIMIT (include/linux/threads.h)."""
_COUNTS = re.compile(r"\s*\d+(?:\s+\d+)*\s*")


def numbered(text: str, first: int = 1) -> Iterator[Line]:
    """The lines that are not blank, without carriage returns, signs of quotation and file names."""
    for number, line in enumerate(without_long_numbers(text).split("\n"), start=first):
        bare = line.rstrip("\r")
        if bare.startswith(">"):
            bare = _QUOTE.sub("", bare, count=1)
        if (prefix := _GREP.match(bare)) and not bare.startswith(("proc ", "context ")):
            bare = bare[prefix.end() :]
        if bare.strip():
            yield number, bare


def rejoined(
    lines: Iterable[Line],
    *,
    starts: Callable[[str, str], bool],
    whole: Callable[[str], bool],
    counts: str = "",
) -> Iterator[Line]:
    """The lines, with those put together that were one before something broke it.

    A broken line begins like a record (`starts`, given the line and the one before), and some lines after
    it that do not begin so make it a `whole` one: with a blank between them or, where the break is inside
    a word, without. Lines of numbers alone belong to a line that contains `counts`.
    """
    texts = list(lines)
    inside_words = bool(counts) and _broken_inside_words(texts, starts)
    waiting: list[Line] = []
    for line in texts:
        begins = starts(line[1], waiting[-1][1] if waiting else "")
        if waiting and (begins or len(waiting) > _MOST_PIECES):
            yield from _joined(waiting, whole)
            waiting = []
        if counts and len(waiting) == 1 and counts in waiting[0][1] and _COUNTS.fullmatch(line[1]):
            waiting = [(waiting[0][0], _with_counts(waiting[0][1], line[1], inside_words))]
        elif waiting or begins:
            waiting.append(line)
        else:
            yield line
    yield from _joined(waiting, whole)


def _broken_inside_words(lines: Sequence[Line], starts: Callable[[str, str], bool]) -> bool:
    """Whether every line that goes on in the next is as long as the longest: so a terminal breaks."""
    longest = max((len(text) for _, text in lines), default=0)
    return all(
        len(text) == longest
        for (_, text), (_, following) in itertools.pairwise(lines)
        if not starts(following, text)
    )


def _with_counts(line: str, more: str, inside_words: bool) -> str:
    number = f"{line[line.rfind(' ') + 1 :]}{more}".split()[0]
    one = inside_words and number.isdecimal() and int(number) <= _LARGEST_PID
    return f"{line}{more}" if one else f"{line} {more}"


def _joined(pieces: Sequence[Line], whole: Callable[[str], bool]) -> Iterator[Line]:
    for count in range(len(pieces), 1, -1):
        for between in itertools.product((" ", ""), repeat=count - 1):
            text = pieces[0][1].rstrip()
            for separator, (_, piece) in zip(between, pieces[1:count], strict=True):
                text += separator + piece.strip()
            if whole(text):
                yield pieces[0][0], text
                yield from pieces[count:]
                return
    yield from pieces
