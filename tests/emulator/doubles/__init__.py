"""Doubles of programs that this machine does not have, as far as their documentation goes."""

from __future__ import annotations

import sys
from pathlib import Path

from emulator.cache.root import cache_root

ROOT = Path(__file__).parents[3]


def install(program: Path, module: str, *words: str) -> str:
    """Put a double in place of `program`; how the command line of its process begins."""
    command = " ".join([sys.executable, "-m", f"{__name__}.{module}", *words])
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} BINDER_HARNESS_CACHE={cache_root()} exec {command} "$@"\n'
    )
    program.chmod(0o755)
    return command
