"""The documents whose statements are judged: their letters, titles, and what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A text that makes statements about Binder."""

    letter: str
    title: str
    about: str
    """What it covers, in a few words."""


SOURCE_DOCUMENTS = {
    document.letter: document
    for document in (
        SourceDocument(
            "A",
            "Inter-process communication in Android",
            "from sendBroadcast down to the kernel's mmap",
        ),
        SourceDocument(
            "B",
            "The Binder driver and the Service Manager",
            "after the book “Understanding the Android Kernel's Design”",
        ),
        SourceDocument(
            "C",
            "Binder in depth",
            "the one copy, the size limit, registering and looking up services",
        ),
    )
}
"""By letter."""


def titles(letters: Iterable[str]) -> list[str]:
    """The documents with these letters, each with its title; a letter alone where its title is unknown."""
    return [
        f"{letter} “{SOURCE_DOCUMENTS[letter].title}”" if letter in SOURCE_DOCUMENTS else letter
        for letter in letters
    ]
