"""Names for devices: a description of one, and short names that distinguish several."""

from __future__ import annotations

from collections.abc import Sequence

from harness.device.facts import LIBBINDER_RELEASE, Facts
from harness.report.document import Document

KIB = 1024


def described(facts: Facts | None) -> str:
    """A device in one line."""
    if facts is None:
        return "no device"
    android = f"Android {facts.android_release}, " if facts.android_release else ""
    driver = ", driver in Rust" if facts.driver == "Rust" else ""
    release = facts.libbinder_release
    libbinder = f", libbinder of Android {release}" if release != LIBBINDER_RELEASE else ""
    return f"{android}Linux {facts.kernel_release}, {facts.architecture}, {_pages(facts)}{driver}{libbinder}"


def short_names(documents: Sequence[Document]) -> list[tuple[str, ...]]:
    """For each document the properties that distinguish its device from the others, one for each line.

    The target is the last part where there is no device, or where another one has the same properties.
    """
    parts = [_parts(document.device) for document in documents]
    by_kind = list(zip(*filter(None, parts), strict=True))
    differing = [index for index, values in enumerate(by_kind) if len(set(values)) > 1]
    names = [tuple(part[index] for index in differing) if part else () for part in parts]
    return [
        name if name and names.count(name) == 1 else (*name, document.target)
        for name, document in zip(names, documents, strict=True)
    ]


def moment(time: str) -> str:
    """A time of a document as people read it: `2026-11-29 20:56:11 UTC`."""
    return time.replace("T", " ").replace("+00:00", " UTC")


def _parts(facts: Facts | None) -> tuple[str, ...]:
    if facts is None:
        return ()
    version = ".".join(map(str, facts.kernel_version))
    android = f"Android {facts.android_release}" if facts.android_release else "no Android"
    driver = f"driver in {facts.driver}" if facts.driver else "driver unknown"
    libbinder = f"libbinder of Android {facts.userland}" if facts.userland else "its own libbinder"
    return (android, f"Linux {version}", facts.architecture, _pages(facts), driver, libbinder)


def _pages(facts: Facts) -> str:
    return f"{facts.page_size // KIB} KiB pages"
