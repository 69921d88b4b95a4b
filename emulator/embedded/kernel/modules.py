"""Selects the modules that a device's kernel must load, each after its dependencies."""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import zstandard

from emulator.base.errors import SetupError
from emulator.embedded.kernel.image_format import uncompressed

SUFFIXES = ("", ".gz", ".xz", ".zst")
"""After .ko (CONFIG_MODULE_COMPRESS)."""
BUILT_IN_AS = {"binder_linux": "binder"}
"""The name of a built-in module, where it differs from that of the module in Debian's kernels."""


BUILTIN = "modules.builtin"


def module_tree(image: Path, release: str) -> Path | None:
    """The modules of a kernel, in a directory above its image: as installed, packaged or built.

    Raises SetupError where its directory lacks the list of what the kernel has built in.
    """
    incomplete = None
    for directory in (*image.absolute().parents, *image.resolve().parents):
        # Debian's packages from 2024 on have them below /usr/lib.
        for modules in (directory / "lib" / "modules", directory / "usr" / "lib" / "modules"):
            if (modules / release / BUILTIN).is_file():
                return modules / release
            if (modules / release).is_dir():
                incomplete = modules / release
    if incomplete:
        raise SetupError(
            f"{incomplete} lacks {BUILTIN}, the list of what the kernel has built in. Install all of the "
            "kernel's modules again; Debian has that file in linux-base-RELEASE from 7.0 on."
        )
    return None


def load_order(tree: Path, wanted: Sequence[str]) -> list[tuple[str, bytes]]:
    """Name and content of the wanted modules and all they depend on, each after its dependencies.

    Modules that are built into the kernel (modules.builtin) are left out. Raises SetupError for one that
    the kernel does not have in either form.
    """
    files = {
        file.name.partition(".")[0].replace("-", "_"): file
        for file in tree.rglob("*.ko*")
        if file.name.endswith(tuple(f".ko{suffix}" for suffix in SUFFIXES))
    }
    built_in = {Path(line).stem.replace("-", "_") for line in (tree / BUILTIN).read_text().split()}
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in ordered or name in built_in or BUILT_IN_AS.get(name) in built_in:
            return
        if name not in files:
            raise SetupError(
                f"The kernel {tree.name} has no {name}, neither as a module nor built in. Enable it in the "
                "kernel's configuration."
            )
        content = _uncompressed(files[name])
        # .modinfo holds the dependencies as one NUL-terminated string.
        depends = re.search(rb"\0depends=([^\0]*)\0", content)
        for dependency in depends[1].decode().split(",") if depends else ():
            if dependency:
                add(dependency.replace("-", "_"))
        ordered[name] = content

    for name in wanted:
        add(name)
    return list(ordered.items())


def _uncompressed(file: Path) -> bytes:
    try:
        return uncompressed(file.suffix, file.read_bytes())
    except (lzma.LZMAError, zstandard.ZstdError, zlib.error, EOFError) as error:
        raise SetupError(
            f"The module {file} is damaged: {error}. Install the kernel's modules again."
        ) from error
