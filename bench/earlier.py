"""The figures of an earlier run, as `--json` wrote them, beside today's: such as those before a change."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import UsageError

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a row had."""

    median: float | None
    ratio: float | None
    failure: str


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """What a file of `--json` has."""

    commit: str
    """What was measured; empty where that was not a checkout."""
    rows: Mapping[str, Earlier]
    """By name."""


def commit() -> str:
    """The commit that is measured, with `-dirty` where files differ from it; empty outside a checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--dirty"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    return ""


def read(file: Path) -> EarlierRun:
    """The rows of that run; UsageError for what is no such file."""
    try:
        document = json.loads(file.read_text())
        rows = {
            row["name"]: Earlier((row.get("measured") or {}).get("median"), row["ratio"], row["failure"])
            for row in document["rows"]
        }
        return EarlierRun(document.get("commit", ""), rows)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} has no figures. Give a file that `python -m bench --json FILE` wrote."
        ) from error
