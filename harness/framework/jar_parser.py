"""Parses a framework.jar, a file from a device, which may be hostile: in a process of its own, with limits.

As a module it is the program of that process, which prints its result as JSON.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STUB = "Landroid/app/IActivityManager$Stub;"
INTENT = "Landroid/content/Intent;"
BASE_BUNDLE = "Landroid/os/BaseBundle;"
_CLASSES = (STUB, INTENT, BASE_BUNDLE)
CONSTANT = "TRANSACTION_"
_STUB_END = "$Stub;"
_DEX = re.compile(r"classes\d*\.dex")
FIELDS, CODES = "fields", "codes"
MODULES = ("loguru", "androguard.core.dex")
"""What the parser imports that is not installed with this project."""
MAX_DEX_SIZE = 64 << 20
"""Bytes of one dex file, far more than any needs: it refers to 65,536 methods at most."""
MAX_DEX_FILES = 32


def fields_of(path: Path) -> dict[str, dict[str, int]]:
    """The fields of each class that is there, with the value of a constant, 0 for any other field.

    Raises ValueError for an archive that no build of Android makes, and on damaged data errors of any type.
    """
    return {
        kind: {field.get_name(): _value(field) for field in defined.get_fields()}
        for kind, defined in _classes(path, _parser()).items()
    }


def codes_of(path: Path) -> dict[str, dict[str, int]]:
    """The transaction codes of each interface in the archive's dex files, by its methods' names.

    They are the constants that aidl generates, of which builds may be stripped. Raises what `fields_of` does.
    """
    dex = _parser()
    interfaces: dict[str, dict[str, int]] = {}
    for content in _contents(path):
        if CONSTANT.encode() in content:
            for defined in dex(content).get_classes():
                name = defined.get_name()
                if name.endswith(_STUB_END):
                    codes = {
                        field.get_name().removeprefix(CONSTANT): _value(field)
                        for field in defined.get_fields()
                        if field.get_name().startswith(CONSTANT)
                    }
                    interface = name[1 : -len(_STUB_END)].replace("/", ".").replace("$", ".")
                    interfaces.setdefault(interface, {name: code for name, code in codes.items() if code})
    return interfaces


def _classes(path: Path, dex: Any) -> dict[str, Any]:
    """The classes found, each from the first dex file that defines it, as class loaders do."""
    found: dict[str, Any] = {}
    for content in _contents(path):
        # Parsing takes a second: only files that define or use a missing class are parsed.
        candidates = [kind for kind in _CLASSES if kind not in found and kind.encode() in content]
        if candidates:
            parsed = dex(content)
            found |= {kind: defined for kind in candidates if (defined := parsed.get_class(kind))}
    return found


def _contents(path: Path) -> Iterator[bytes]:
    """The archive's dex files, checked."""
    with zipfile.ZipFile(path) as jar:
        names = [name for name in jar.namelist() if _DEX.fullmatch(name)]
        if len(names) > MAX_DEX_FILES:
            raise ValueError(f"it has {len(names)} dex files")
        for name in names:
            content = _content(jar, name)
            _check(name, content)
            yield content


def _content(jar: zipfile.ZipFile, name: str) -> bytes:
    size = jar.getinfo(name).file_size  # which zipfile reads at most, whatever is there
    if size > MAX_DEX_SIZE:
        raise ValueError(f"{name} has {size:,} bytes, more than any dex file")
    return jar.read(name)


def _check(name: str, content: bytes) -> None:
    """Refuse a damaged file, on which the parser may hang.

    The checksum, at offset 8, covers everything after it up to the size, at offset 32 (Dalvik executable
    format).
    """
    checksum, size = (int.from_bytes(content[offset : offset + 4], "little") for offset in (8, 32))
    if not content.startswith(b"dex\n") or zlib.adler32(content[12:size]) != checksum:
        raise ValueError(f"{name} is damaged: its checksum does not match its content")


def _parser() -> Any:
    """androguard's parser of one dex file, its log off."""
    loguru, dex = map(importlib.import_module, MODULES)
    loguru.logger.disable("androguard")
    return dex.DEX


def _value(field: Any) -> int:
    """A constant's value; 0 where the file has none, as after inlining."""
    initial = field.get_init_value()
    value = initial.get_value() if initial is not None else None
    return value if isinstance(value, int) else 0


def _result(path: Path, wanted: str) -> Mapping[str, object]:
    try:
        return {wanted: fields_of(path) if wanted == FIELDS else codes_of(path)}
    except MemoryError:
        return {"error": "parsing it needs more memory than any framework.jar of Android does"}
    except Exception as error:  # on damaged data the parser raises errors of any type
        return {"error": str(error) or type(error).__name__}


def main(path: str, memory: str, wanted: str) -> None:
    """Parse with at most so many bytes of address space; `wanted` is FIELDS or CODES."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    json.dump(_result(Path(path), wanted), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
