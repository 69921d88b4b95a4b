"""Names for transaction codes from several sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.framework.transaction_codes import CodeNames

Interfaces = Mapping[str, Mapping[int, str]]
"""Names of methods by interface and code."""


def names_from(interfaces: Interfaces) -> CodeNames:
    """The names that these interfaces have."""
    return lambda interface, code: interfaces.get(interface or "", {}).get(code)


def first_of(sources: Sequence[CodeNames]) -> CodeNames:
    """The name that the first source has which has one."""

    def name(interface: str | None, code: int) -> str | None:
        return next(filter(None, (source(interface, code) for source in sources)), None)

    return name
