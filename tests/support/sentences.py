"""What must never get into a sentence that people read: what Python shows of a value that is no text."""

from __future__ import annotations

import re

_LEAKED = re.compile(
    r"""
    \b None \b
  | [\[({] b? ['"] | \[\] | \{\}        # a container of strings, or an empty one
  | \[ \d+ (?: ,\s \d+ )* \]           # of numbers
  | \w , \)                            # a tuple of one
  | \[Errno
  | < \w [\w.]* (?: \s object \s at | : \s ['\d] )
    """,
    re.VERBOSE,
)


def leaked(text: str) -> list[str]:
    """The places of a text that have such a thing; none in a sentence."""
    return [text[max(0, found.start() - 30) : found.end() + 30] for found in _LEAKED.finditer(text)]
