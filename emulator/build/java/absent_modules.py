"""Modules of Android that are updated apart from it, of whose services Debian has no source.

The registry of system services has each of them register its own when it is loaded: those whose sources are
not here get a class that registers none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

REGISTRY = "core/java/android/app/SystemServiceRegistry.java"
_CALL = re.compile(r"^\s*(\w+Initializer\w*)\.(\w+)\(\);$", re.MULTILINE)
_IMPORT = re.compile(r"^import ([\w.]+)\.(\w+);$", re.MULTILINE)


def write_initializers(registry: str, directories: Iterable[Path], output: Path) -> None:
    """Write the classes that the registry's source calls, and none of these directories has."""
    roots = list(directories)
    for package, name, method in called(registry):
        file = Path(*package.split("."), f"{name}.java")
        if not any((root / file).exists() for root in roots):
            (output / file).parent.mkdir(parents=True, exist_ok=True)
            body = f"    public static void {method}() {{}}\n"
            (output / file).write_text(f"package {package};\n\npublic class {name} {{\n{body}}}\n")


def called(registry: str) -> Iterator[tuple[str, str, str]]:
    """The initializers that the registry's source calls: package, class and method of each."""
    packages = {name: package for package, name in _IMPORT.findall(registry)}
    for name, method in _CALL.findall(registry):
        if name in packages:
            yield packages[name], name, method
