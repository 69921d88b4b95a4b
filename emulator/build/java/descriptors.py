"""Calls of the methods that Android's java.io.FileDescriptor has beyond OpenJDK's: another class has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PLACE = "harness.runtime.FileDescriptors"
"""In device_agents/java_agent/absent, with its natives in device_agents/java_agent/native."""
_PART = r"[\w$]+(?:\([^()]*\)|\[[^\[\]]*\])*"
"""A name, and what is called or indexed with it."""
_METHOD = "[gs]et(?:Int|OwnerId)|isSocket|release"
_CALL = re.compile(rf"(?<![\w$.)\]])(?P<object>{_PART}(?:\.{_PART})*)\.(?P<method>{_METHOD})\$\((?P<end>\))?")
_CONSTANT = re.compile(r"\bFileDescriptor\.(?=NO_OWNER\b)")


def redirect_descriptors(directories: Iterable[Path]) -> None:
    """Rewrite these calls in all Java below the directories; lines keep their numbers."""
    for directory in directories:
        for file in directory.rglob("*.java"):
            text = file.read_text()
            if "$(" in text:  # as hardly one in a hundred has
                file.write_text(redirected(text))


def redirected(source: str) -> str:
    """Java with `fd.getInt$()` as a call of getInt(fd) in PLACE, and `fd.setInt$(n)` as setInt(fd, n)."""

    def call(found: re.Match[str]) -> str:
        return f"{PLACE}.{found['method']}({found['object']}{found['end'] or ', '}"

    return _CONSTANT.sub(f"{PLACE}.", _CALL.sub(call, source))
