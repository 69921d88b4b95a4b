"""Where claims and measurements are found by name: one module each adds to it, none lists them all."""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Generic, TypeVar

from emulator.base.errors import UsageError

Entry = TypeVar("Entry")
NAMED = 3
"""How many names an error suggests."""


class Registry(Generic[Entry]):
    """The entries that the modules of one package add when they are imported, by name."""

    def __init__(self, kind: str, package: str, *, listed_by: str) -> None:
        self.kind = kind
        self.package = package
        self.listed_by = listed_by
        """The command that shows the user all of them."""
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Add an entry; ValueError when its name is taken, which is a mistake in the source."""
        if name in self._entries:
            raise ValueError(f"two of the {self.kind}s are named {name}")
        self._entries[name] = entry

    def all(self) -> dict[str, Entry]:
        """Every entry by name, after importing every module of the package and of those below it."""
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(package.__path__, f"{self.package}."):
            if not module.name.rpartition(".")[2].startswith("test_"):
                importlib.import_module(module.name)
        return dict(self._entries)

    def get(self, name: str) -> Entry:
        """The entry of that name; UsageError, naming those that are close to it, when there is none."""
        entries = self.all()
        if name not in entries:
            raise self._unknown(name, entries)
        return entries[name]

    def select(self, patterns: Iterable[str]) -> list[Entry]:
        """The entries that names, prefixes (`mmap`) or globs (`*.first-*`) mean: all when there are none.

        They come in the registry's order, each once. Raises UsageError for a pattern that means nothing.
        """
        entries = self.all()
        chosen: set[str] = set()
        for pattern in patterns:
            meant = {name for name in entries if _means(pattern, name)}
            if not meant:
                raise self._unknown(pattern, entries)
            chosen |= meant
        return [entry for name, entry in entries.items() if not chosen or name in chosen]

    def _unknown(self, name: str, entries: Iterable[str]) -> UsageError:
        known = list(dict.fromkeys([*entries, *(entry.partition(".")[0] for entry in entries)]))
        near = [entry for entry in known if name and name in entry]
        near += [entry for entry in difflib.get_close_matches(name, known, n=NAMED) if entry not in near]
        hint = f" Did you mean {_or(near[:NAMED])}?" if near else ""
        return UsageError(f"There is no {self.kind} {name!r}.{hint} All of them: {self.listed_by}")


def _means(pattern: str, name: str) -> bool:
    return name == pattern or name.startswith(f"{pattern.rstrip('.')}.") or fnmatch.fnmatchcase(name, pattern)


def _or(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
