"""The natives that ART calls in another way than any other virtual machine: those marked @CriticalNative."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

CLASSES = (
    "android/os/Binder",
    "android/os/BinderProxy",
    "android/os/MessageQueue",
    "android/os/Parcel",
    "android/os/SystemClock",
    "android/util/Log",
)
"""The classes whose natives are AOSP's (device_agents/java_agent/native/registration.cpp)."""
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_CRITICAL = re.compile(r"@CriticalNative\b[^;{}]*?\bnative\b[^;(]*?(\w+)\s*\(")


def critical_natives(java: Path) -> str:
    """A line of C++, `{class, method},`, for each of them in these classes below `java`."""
    lines = [
        f'{{"{name}", "{method}"}},\n'
        for name in CLASSES
        for method in critical_methods((java / f"{name}.java").read_text())
    ]
    return "".join(lines)


def critical_methods(source: str) -> Iterator[str]:
    """The names of a class's methods that are marked @CriticalNative, each once."""
    yield from dict.fromkeys(_CRITICAL.findall(_COMMENT.sub("", source)))
