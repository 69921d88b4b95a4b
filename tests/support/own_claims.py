"""Claims from elsewhere for tests: a file that needs nothing of a device, and variations of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.experiments.core import loading, source_documents
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.measurement import MEASUREMENTS

TEXT = """
from dataclasses import dataclass
from harness import Facts, Figure, Finding, claim, measurement, source_document

source_document("Z", "Our guide", url="https://wiki.example.com/guide")

@dataclass(frozen=True)
class Doors:
    number: int

@measurement("own-doors", "How many doors there are.")
def measure_doors(device) -> Doors:
    return Doors(3)

@claim(
    "own.doors", measure=measure_doors, documents="Z", statement="There are three doors.",
    experiment="Count them.", source="our guide, 2nd edition",
)
def own_doors(m: Doors, facts: Facts) -> Finding:
    return Finding.whether(m.number == 3, "doors: {doors}", doors=Figure(m.number, "the wall", unit="doors"))
"""


def written(directory: Path, text: str = TEXT, name: str = "own.py") -> Path:
    """A file with this text."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def loaded() -> dict[str, Claim]:
    """The claims from elsewhere that this process has loaded, by id."""
    return {id_: claim for id_, claim in CLAIMS.entries.items() if loading.origin(id_) is not None}


@pytest.fixture
def unchanged_registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test loads from elsewhere is forgotten after it; our own modules are loaded only once."""
    before = [(registry, {*registry.entries, *registry.declared}) for registry in (CLAIMS, MEASUREMENTS)]
    known = source_documents.source_documents()
    monkeypatch.setattr(source_documents, "_DECLARED", known)
    monkeypatch.setattr(loading, "_ORIGINS", {})
    monkeypatch.setattr(loading, "_LOADED", set())
    loading._load_installed.cache_clear()
    yield
    loading._load_installed.cache_clear()
    for registry, names in before:
        for name in registry.entries.keys() - names:
            del registry.entries[name], registry._places[name]
