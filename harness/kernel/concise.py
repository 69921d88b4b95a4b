"""Shows records without the fields that this kernel does not print: no kernel prints all of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum


class Concise:
    """Base of dataclasses whose representation leaves out fields that are None or empty."""

    __slots__ = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_shown(value)}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        """The fields to show, for rich's printers."""
        assert dataclasses.is_dataclass(self)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.repr and value is not None and value != () and value != {} and value != "":
                yield field.name, value


class Name(str):
    """A constant's name in a representation, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def counted(number: int, what: str) -> str:
    """A number with its noun: `1 node`, `1,200 nodes`, `2 processes`, `2 entries`."""
    plural = f"{what}es" if what.endswith("s") else re.sub(r"(?<=[^aeiou])y$", "ie", what) + "s"
    return f"{number:,} {what if number == 1 else plural}"


def _shown(value: object) -> str:
    return value.name if isinstance(value, Enum) and value.name else repr(value)
