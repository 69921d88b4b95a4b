"""Keeps documents in files: written whole or not at all, and checked for their schema when they are read."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from emulator.base.atomic_write import temporary_beside, write_atomically
from emulator.base.errors import UsageError
from harness.experiments.core.json_values import Json, from_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    class Stored(DataclassInstance, Protocol):
        """A dataclass that knows the command that writes it, and which values cannot be."""

        made_by: ClassVar[str]

        def check(self, where: str) -> None:
            """Raise ValueError, naming the place."""


DocumentT = TypeVar("DocumentT", bound="Stored")


def write(value: Json, path: Path) -> None:
    """Write `value` as JSON, whole or not at all; UsageError where that cannot be done."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all; UsageError where that cannot be done."""
    with _writing(path):
        write_atomically(path.resolve(), text)


def load(path: Path, *kinds: type[DocumentT]) -> DocumentT:
    """Read a document of one of these kinds; UsageError, saying what is wrong, where it is none.

    A kind is a dataclass with the fields `schema` and `schema_version`, whose defaults are what it reads, and
    an attribute `made_by`: the command that writes one.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    readable = {_default(kind, "schema"): kind for kind in kinds}
    if schema not in readable:
        raise UsageError(
            f"{path} is no result of Binder harness: its schema is not {' or '.join(map(str, readable))}"
        )
    kind = readable[schema]
    version = _default(kind, "schema_version")
    if value.get("schema_version") != version:
        raise UsageError(
            f"{path} has version {value.get('schema_version')} of the schema, and Binder harness "
            f"{harness_version()} reads version {version} only. Make the file again with this release: "
            f"{kind.made_by}"
        )
    try:
        document = from_json(kind, value)
        document.check("the document")
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}") from error
    return document


def check_distinct(names: Sequence[str], where: str) -> None:
    """Raise ValueError where a name is there twice; `where` says of what, with {} for its place."""
    for place, name in enumerate(names):
        first = names.index(name)
        if first != place:
            raise ValueError(f"{where.format(place)} is {name!r}, and so is {where.format(first)}")


def harness_version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("binder-harness")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def check_writable(path: Path) -> None:
    """Raise UsageError, before any work is done, where a file could not be written to `path`."""
    with _writing(path), temporary_beside(path.resolve()):
        pass


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what keeps the block from writing to `path` into a UsageError."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file: name one to write to")
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _default(kind: type[DocumentT], name: str) -> Any:
    return kind.__dataclass_fields__[name].default
