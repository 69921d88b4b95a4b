"""Where claims and measurements are found by name: one module each adds to it, none lists them all.

A module of the package is imported when one of its entries is asked for; `loading` brings in those of others.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from emulator.base.errors import UsageError, did_you_mean
from harness.experiments.core.declared import Declared, declared

Entry = TypeVar("Entry")
NAMED = 3
"""How many names an error suggests."""


class Registry(Generic[Entry]):
    """The entries that modules add with a decorator when they are imported, by name."""

    def __init__(self, kind: str, package: str, *, listed_by: str) -> None:
        self.kind = kind
        """The decorator's name, too."""
        self.package = package
        """The package whose modules need not be imported first."""
        self.listed_by = listed_by
        """The command that shows the user all of them."""
        self.entries: dict[str, Entry] = {}
        """Those that were added so far."""
        self._places: dict[str, str] = {}

    def add(self, name: str, entry: Entry, function: Callable[..., object]) -> None:
        """Add an entry that this function declares, or replace that which the same lines declared before.

        Raises ValueError, with both places, when the name is another's: a mistake in the source.
        """
        place = _place(function)
        other = self._places.get(name)
        if other is None and not function.__module__.startswith(f"{self.package}."):
            other = self.declared[name].module if name in self.declared else None
        if other is not None and other != place:
            raise ValueError(f"two {self.kind}s are named {name}: one in {other}, one in {place}")
        self.entries[name], self._places[name] = entry, place

    @functools.cached_property
    def declared(self) -> dict[str, Declared]:
        """What the package's modules declare, by name, without importing them."""
        return {each.name: each for each in declared(self.package, self.kind)}

    def order(self) -> list[str]:
        """The names of all entries, in the order in which they are shown."""
        return list(dict.fromkeys([*self.declared, *self.entries]))

    def all(self) -> Mapping[str, Entry]:
        """Every entry by name; reading one imports its module."""
        return _Entries(self)

    def get(self, name: str) -> Entry:
        """The entry of that name; UsageError, naming those that are close to it, when there is none."""
        entries = self.all()
        if name not in entries:
            raise self._unknown(name, entries)
        return entries[name]

    def select(self, patterns: Iterable[str]) -> list[Entry]:
        """The entries that `names` gives."""
        entries = self.all()
        return [entries[name] for name in self.names(patterns)]

    def names(self, patterns: Iterable[str]) -> list[str]:
        """The names that names, prefixes (`mmap`) or globs (`*.first-*`) mean: all when there are none.

        They come in the registry's order, each once. Raises UsageError for a pattern that means nothing.
        """
        names = list(self.all())
        patterns = list(patterns)
        chosen: set[str] = set()
        for pattern in patterns:
            meant = {name for name in names if _means(pattern, name)}
            if not meant:
                raise self._unknown(pattern, names)
            chosen |= meant
        return [name for name in names if not patterns or name in chosen]

    def _unknown(self, name: str, entries: Iterable[str]) -> UsageError:
        hint = did_you_mean(name, [*entries, *(entry.partition(".")[0] for entry in entries)], NAMED)
        return UsageError(f"There is no {self.kind} {name!r}.{hint} All of them: {self.listed_by}")


class _Entries(Mapping[str, Entry]):
    """A registry's entries, each imported when it is read."""

    def __init__(self, registry: Registry[Entry]) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> Entry:
        entries = self._registry.entries
        if name not in entries and name in self._registry.declared:
            importlib.import_module(self._registry.declared[name].module)
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._registry.declared or name in self._registry.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry.order())

    def __len__(self) -> int:
        return len(self._registry.declared.keys() | self._registry.entries.keys())


def _place(function: Callable[..., object]) -> str:
    """Where a function is defined: its file and line."""
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}, line {code.co_firstlineno}"


def _means(pattern: str, name: str) -> bool:
    return name == pattern or name.startswith(f"{pattern.rstrip('.')}.") or fnmatch.fnmatchcase(name, pattern)
