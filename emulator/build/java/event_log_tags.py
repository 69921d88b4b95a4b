"""Java classes of the event log's tags, from .logtags files: Debian's java-event-log-tags needs Python 2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_TYPES = {"1": "int", "2": "long", "3": "String", "4": "Object[]", "5": "float"}
"""A field's type by its number (system/core/logcat/event.logtags)."""


def write_event_log_tags(root: Path, output: Path) -> None:
    """Write the class of every .logtags file below `root` that names a Java package."""
    for file in sorted(root.rglob("*.logtags")):
        text = file.read_text()
        if package := re.search(r"^option java_package\s+([\w.]+)", text, re.MULTILINE):
            directory = output.joinpath(*package[1].split("."))
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"{file.stem}.java").write_text(java_class(package[1], file.stem, text))


def java_class(package: str, name: str, text: str) -> str:
    """A class with a constant and a method for each tag (build/make/tools/java-event-log-tags.py)."""
    body = "".join(f"    {line}\n" for tag in re.findall(_TAG, text, re.MULTILINE) for line in _members(*tag))
    return f"package {package};\n\npublic class {name} {{\n{body}}}\n"


_TAG = r"^(\d+)\s+(\w+)\s*(.*)$"
"""A tag's number, its name and the description of its fields, such as `(name|3),(time|1|3)`."""


def _members(number: str, tag: str, description: str) -> Iterator[str]:
    fields = re.findall(r"\((\w+)\|(\d)", description)
    names = [_camel(f"_{field.lower()}") for field, _ in fields]
    parameters = ", ".join(f"{_TYPES[kind]} {name}" for (_, kind), name in zip(fields, names, strict=True))
    # Without fields, the method has the form that takes an int, as there is none of a tag alone.
    arguments = ", ".join(names or ["0"])
    yield f"public static final int {tag.upper()} = {number};"
    yield (
        f"public static void write{_camel(f'_{tag}')}({parameters}) {{ "
        f"android.util.EventLog.writeEvent({tag.upper()}, {arguments}); }}"
    )


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
