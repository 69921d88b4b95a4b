"""Finds what a package's modules declare with a decorator, in their source: importing them all takes longer.

`@claim("mmap.once", …, statement="A second mapping …")` declares `mmap.once`.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Declared:
    """One use of the decorator at the top level of a module."""

    module: str
    """Its full name."""
    name: str
    """The first argument."""
    text: str
    """The decorator as it is written: `claim("mmap.once", …)`."""

    def texts(self) -> Mapping[str, str]:
        """The keyword arguments that are written as plain strings, by name."""
        call = ast.parse(self.text, mode="eval").body
        assert isinstance(call, ast.Call)
        return {
            keyword.arg: keyword.value.value
            for keyword in call.keywords
            if keyword.arg is not None
            and isinstance(keyword.value, ast.Constant)
            and isinstance(keyword.value.value, str)
        }


def declared(package: str, decorator: str) -> Iterator[Declared]:
    """What the modules of a package, and of those below it, declare.

    They come by folder, and in each by name, but a module named for the decorator (`claims.py`) first.
    """
    (location,) = importlib.import_module(package).__path__
    pattern = re.compile(rf'^@({decorator}\(\s*"([^"]+)".*?\))\n(?=@|def )', re.MULTILINE | re.DOTALL)
    paths = Path(location).rglob("*.py")
    for path in sorted(paths, key=lambda each: (each.parent, each.stem != f"{decorator}s", each.name)):
        source = path.read_text(encoding="utf-8")
        if f"@{decorator}(" in source:
            module = ".".join([package, *path.relative_to(location).with_suffix("").parts])
            for text, name in pattern.findall(source):
                yield Declared(module, name, text)
