"""Writes documents to files, atomically, and checks their schema when it reads them."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from emulator.base.atomic_write import temporary_beside, write_atomically
from emulator.base.errors import SetupError, UsageError, reason_of
from emulator.base.printable import printable
from harness.experiments.core.json_values import Json, described, from_json, parsed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    class Stored(DataclassInstance, Protocol):
        """A dataclass with the command that writes it, and a check of its values."""

        made_by: ClassVar[str]

        def check(self, where: str) -> None:
            """Raise ValueError, with the field, for an impossible value."""


DocumentT = TypeVar("DocumentT", bound="Stored")


def write(value: Json, path: Path) -> None:
    """Write `value` as JSON, atomically; raises SetupError like `write_text`."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write a text file, made printable, atomically. In JSON, that keeps each value; it can be encoded.

    Raises SetupError where it cannot be written, as on a full disk; it names the copy that is kept elsewhere.
    """
    try:
        _refuse_what_is_no_file(path)
        write_atomically(path.resolve(), printable(text))
    except OSError as error:
        raise SetupError(
            f"{path} cannot be written: {reason_of(error)}. {_kept_elsewhere(printable(text), path.name)}"
        ) from error


def _kept_elsewhere(text: str, name: str) -> str:
    """Write a file of this name in the directory for temporary files, and return where it is, or why not."""
    try:
        directory = Path(tempfile.mkdtemp(prefix="binder-harness-"))
    except OSError as error:
        return f"Nor can a copy of it: {reason_of(error)}."
    try:
        write_atomically(directory / name, text)
    except OSError as error:
        directory.rmdir()
        return f"Nor can a copy in {directory.parent}: {reason_of(error)}."
    return f"What it would hold is in {directory / name}: move it to where there is room."


def load(path: Path, *kinds: type[DocumentT]) -> DocumentT:
    """Read a document of one of these kinds; UsageError, with the reason, for any other file.

    A kind is a dataclass with the fields `schema` and `schema_version`, whose defaults are the values it
    accepts, and an attribute `made_by`: the command that writes one.
    """
    try:
        text = path.read_text(encoding="utf-8")
        value = parsed(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not {_lacking(error)}") from error
    fields = value if isinstance(value, dict) else {}
    kind = next((kind for kind in kinds if fields.get("schema") == _default(kind, "schema")), None)
    if kind is None:
        schemas = " or ".join(str(_default(kind, "schema")) for kind in kinds)
        raise UsageError(
            f"{path} is not a result document: its schema is not {schemas}. "
            "Give a file that `verify --json` or `matrix --json` wrote."
        )
    version = _default(kind, "schema_version")
    if fields.get("schema_version") != version:
        raise UsageError(
            f"{path} has version {described(fields.get('schema_version'))} of the schema, but Binder harness "
            f"{harness_version()} reads only version {version}. Write the file again with this release: "
            f"{kind.made_by}"
        )
    try:
        document = from_json(kind, value)
        document.check("the document")
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}") from error
    return document


def _lacking(error: ValueError) -> str:
    """What a file is not, whose text is no JSON."""
    if not isinstance(error, json.JSONDecodeError):
        return f"JSON: {error}"
    if not error.doc.strip():
        return "a result document: it is empty"
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"whole: it ends in the middle of line {error.doc.rstrip().count(chr(10)) + 1}. Copy it again"
    return (
        f"JSON: {error}. Give a file that `verify --json` or `matrix --json` wrote; logs and dumps are for "
        "`binder-harness inspect`"
    )


def check_distinct(names: Sequence[str], where: str) -> None:
    """Raise ValueError for a repeated name; `where` is the field, with {} for the index."""
    for index, name in enumerate(names):
        first = names.index(name)
        if first != index:
            raise ValueError(f"{where.format(index)} is {name!r}, and so is {where.format(first)}")


def harness_version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("binder-harness")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def check_writable(path: Path) -> None:
    """Raise UsageError, before any work is done, where `path` cannot be written."""
    try:
        _refuse_what_is_no_file(path)
        with temporary_beside(path.resolve()):
            pass
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}") from error


def _refuse_what_is_no_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file and cannot be replaced: give another name")


def _default(kind: type[DocumentT], name: str) -> Any:
    return kind.__dataclass_fields__[name].default
