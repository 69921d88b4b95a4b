"""The one document that a run yields; every other report is a view of it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emulator.errors import UsageError
from harness.claims.judge import Result
from harness.facts import Facts
from harness.json_values import from_json, to_json

SCHEMA = "binder-harness/results"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was asked of which device, and what came of it."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    target: str
    started: str
    """In UTC, ISO 8601."""
    ended: str
    device: Facts | None
    """None where no device could be had."""
    claims: tuple[Result, ...]

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all; UsageError where that cannot be done."""
        with _beside(path.resolve()) as partial:
            partial.write_text(
                json.dumps(to_json(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            partial.replace(path.resolve())

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read and check a document; UsageError, saying what is wrong, where it is none."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"{path} is not JSON: {error}") from error
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise UsageError(f"{path} is no result of Binder harness: its schema is not {SCHEMA}")
        if value.get("schema_version") != SCHEMA_VERSION:
            raise UsageError(
                f"{path} has version {value.get('schema_version')} of the schema, and this is Binder harness "
                f"{harness_version()}, which reads version {SCHEMA_VERSION}"
            )
        try:
            return from_json(cls, value)
        except ValueError as error:
            raise UsageError(f"{path} is damaged: {error}") from error


def harness_version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("binder-harness")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def check_writable(path: Path) -> None:
    """Raise UsageError, before any work is done, where a file could not be written to `path`."""
    with _beside(path):
        pass


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new empty file in the directory of `path`, gone afterwards unless it was moved."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file: name one to write to")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.touch()
        try:
            yield partial
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
