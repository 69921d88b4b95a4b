"""The figures of an earlier run, as `--json` wrote them, beside today's: such as those before a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import UsageError


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a row had."""

    median: float | None
    ratio: float | None
    failure: str


def read(file: Path) -> Mapping[str, Earlier]:
    """The rows of that run, by name; UsageError for what is no such file."""
    try:
        rows = json.loads(file.read_text())["rows"]
        return {
            row["name"]: Earlier((row.get("measured") or {}).get("median"), row["ratio"], row["failure"])
            for row in rows
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} has no figures. Give a file that `python -m bench --json FILE` wrote."
        ) from error
