"""Shows records at the prompt as what is known of them: no kernel says all that some kernel says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import Enum


class Concise:
    """Base of dataclasses whose representation leaves out fields that are None or empty."""

    __slots__ = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_shown(value)}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        """The fields to be shown, for rich's printers."""
        assert dataclasses.is_dataclass(self)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value != () and value != {} and value != "":
                yield field.name, value


def counted(number: int, what: str) -> str:
    """A number of things, in words: `1 node`, `1,200 nodes`."""
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def _shown(value: object) -> str:
    return value.name if isinstance(value, Enum) and value.name else repr(value)
