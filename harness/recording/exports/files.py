"""The kind of file that a name's ending asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from emulator.base.errors import UsageError
from harness.recording.exports.diagram_file import mermaid_file, svg_file
from harness.recording.exports.export import Export
from harness.recording.exports.json_file import JsonFile
from harness.recording.exports.perfetto_trace import PerfettoTrace
from harness.recording.exports.text_file import TextFile

KINDS: Mapping[str, Callable[[Path], Export]] = {
    ".json": JsonFile,
    ".txt": TextFile,
    ".mmd": mermaid_file,
    ".svg": svg_file,
    ".perfetto-trace": PerfettoTrace,
    ".pftrace": PerfettoTrace,
}
"""By ending: the last two are Perfetto's own."""


def export_to(path: Path) -> Export:
    """What writes a recording to this file.

    Raises UsageError, with all endings, for another one, and FacilityMissingError where a library is missing.
    """
    for ending, kind in KINDS.items():
        if path.name.endswith(ending):
            return kind(path)
    raise UsageError(
        f"{path}: the ending of a file says what it will be, and none is {path.suffix or 'missing'!r}. "
        f"Endings: {' '.join(KINDS)}"
    )
