"""The documents whose statements are judged: their letters, titles and addresses.

A module declares those that its claims name; Binder harness's own are in harness/experiments/documents.py:

    source_document("M", "How our service is called", url="https://wiki.example.com/binder")
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from dataclasses import dataclass

OWN = "harness.experiments.documents"
"""The module that declares Binder harness's own documents."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A text that makes statements about Binder."""

    letter: str
    """One letter or digit of ASCII."""
    title: str
    about: str = ""
    """What it covers, in a few words."""
    url: str = ""
    """Where it can be read, with http or https; empty for a text that is not on the network."""

    def __post_init__(self) -> None:
        if not (len(self.letter) == 1 and self.letter.isascii() and self.letter.isalnum()):
            raise ValueError(f"{self.letter!r} is not a document's letter: give one letter or digit of ASCII")
        if not self.title:
            raise ValueError(f"the document {self.letter} has no title")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(
                f"{self.url!r} is not the address of a document: it begins with https:// or http://"
            )


_DECLARED: dict[str, SourceDocument] = {}


def source_document(letter: str, title: str, *, about: str = "", url: str = "") -> SourceDocument:
    """Declare a document, so that claims can name it by its letter.

    Raises ValueError for a letter that another document has.
    """
    declared = SourceDocument(letter, title, about, url)
    other = _DECLARED.setdefault(letter, declared)
    if other != declared:
        raise ValueError(f"the letter {letter} is taken: it is that of “{other.title}”")
    return declared


def source_documents() -> dict[str, SourceDocument]:
    """The documents that were declared, by letter."""
    _declare_own()
    return dict(_DECLARED)


@functools.cache
def _declare_own() -> None:
    importlib.import_module(OWN)


def named(letters: Iterable[str]) -> list[SourceDocument]:
    """The documents with these letters, in the order of the letters; none for a letter that is unknown."""
    known = source_documents()
    return [known[letter] for letter in sorted(set(letters)) if letter in known]


def titles(letters: Iterable[str], found: Iterable[SourceDocument]) -> list[str]:
    """The documents with these letters, each with its title; a letter alone for another one."""
    by_letter = {document.letter: document for document in found}
    return [f"{letter} “{by_letter[letter].title}”" if letter in by_letter else letter for letter in letters]
