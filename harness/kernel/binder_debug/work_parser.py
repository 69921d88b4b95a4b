"""Parses the transactions and other work that the debug files list for processes, threads and nodes.

Sources: print_binder_transaction_ilocked and print_binder_work_ilocked in drivers/android/binder.c (Linux
3.10 to 7.3, and Android's 5.4 for priorities), debug_print in drivers/android/binder/*.rs (Linux 6.18).
"""

from __future__ import annotations

import re

from harness.kernel.binder_debug.state import Transaction

_TRANSACTION = re.compile(
    # A vendor may put its name first, as Xiaomi does in files of its own.
    r"\s*(?:[A-Z]\w* +)?(?P<role>incoming|outgoing|bad|pending async|pending) transaction (?P<id>\d+):"
    r"(?: +(?!from)\S+)? +"
    r"from (?P<from_pid>\d+):(?P<from_tid>\d+) to (?P<to_pid>\d+)(?::(?P<to_tid>\d+))? "
    r"code (?P<code>[0-9a-f]+)(?: flags (?P<flags>[0-9a-f]+))?"
    r"(?: pri (?:(?P<policy>\d+):)?(?P<priority>-?\d+))?(?: a(?P<async>[01]))?(?: r(?P<reply>[01]))?"
    r"(?: elapsed (?P<elapsed>\d+)ms)?"
    r"(?:(?P<between> .*?)??(?= buffer free| node \d+ size | size \d+:\d+))?"  # such as MediaTek's start time
    r"(?P<freed> buffer free)?(?: node (?P<node>\d+))?"
    r"(?: size (?P<data>\d+):(?P<offsets>\d+))?"
    r"(?: data +(?P<pointer>[0-9a-f]{8,16}|\(\S+\))| offset (?P<offset>[0-9a-f]+))?"
    r"(?P<other>.*)"
)
_WORK = re.compile(
    r"\s*((?:\(skipped\) )?transaction (?:complete|error: \d+)|node work \d+: .*|"
    r"has .*(?:binder|notification).*|unknown work: .*)"
)
_WORD_BITS = 64


def parse_transaction(line: str, number: int = 0) -> Transaction | None:
    """The transaction in a line; None if it is no such line."""
    match = _TRANSACTION.fullmatch(line)
    return None if match is None else _transaction(match, number)


def parse_other_work(line: str) -> str | None:
    """Other pending work in a line, as printed; None if it is no such line."""
    match = _WORK.fullmatch(line)
    return None if match is None else match[1]


def _transaction(match: re.Match[str], line: int) -> Transaction:
    offset = int(match["offset"], 16) if match["offset"] else None
    if offset is not None and offset >> (_WORD_BITS - 1):
        offset = (1 << _WORD_BITS) - offset  # Linux 6.8 to 6.14 swap the operands of the subtraction
    reply, is_async = truth(match["reply"]), truth(match["async"])
    return Transaction(
        role=match["role"],
        debug_id=int(match["id"]),
        from_pid=int(match["from_pid"]),
        from_tid=int(match["from_tid"]),
        to_pid=int(match["to_pid"]),
        to_tid=number(match["to_tid"]),
        code=int(match["code"], 16),
        flags=int(match["flags"], 16) if match["flags"] else None,
        scheduling_policy=number(match["policy"]),
        priority=number(match["priority"]),
        needs_reply=reply if is_async is None else not (is_async or reply),
        is_reply=None if is_async is None else reply,
        is_async=is_async,
        elapsed_ms=number(match["elapsed"]),
        node=number(match["node"]),
        data_size=number(match["data"]),
        offsets_size=number(match["offsets"]),
        offset=offset,
        hashed_pointer=pointer(match["pointer"]),
        buffer_freed=match["freed"] is not None,
        other=f"{match['between'] or ''}{match['other']}".strip(),
        line=line,
    )


def number(text: str | None) -> int | None:
    """A printed number: the part after a colon if there is one; the Rust driver's `true` is 1, `false` 0."""
    if text is None:
        return None
    return {"true": 1, "false": 0}.get(text) if text.isalpha() else int(text.rpartition(":")[2])


def truth(text: str | None) -> bool | None:
    """A printed truth value of either driver."""
    return None if text is None else text in ("1", "true")


def pointer(text: str | None) -> int | None:
    """A printed pointer; None for the words that the kernel prints before it can hash pointers."""
    if text is None:
        return None
    if text == "(null)":
        return 0
    return int(text, 16) if re.fullmatch(r"[0-9a-f]+", text) else None
