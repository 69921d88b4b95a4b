"""A clock that jumps, for runs and all that they start; the kernel's own is left alone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from emulator.base.command import run
from tests.soak.round import Round

SOURCE = Path(__file__).with_name("jumping_clock.c")
SECONDS = 120.0
JUMPS = (-86400 * 400, -3600, -5, 5, 3600, 86400 * 400)
"""By how many seconds it jumps."""


def prepare(this: Round) -> None:
    """Have the run, adb and QEMU load a library whose clock jumps a moment after the start."""
    library = this.place.directory / "jumping_clock.so"
    if not library.exists():
        run(
            [sys.executable, "-m", "ziglang", "cc", "-O2", "-shared", "-fPIC", SOURCE, "-o", library],
            seconds=SECONDS,
            needs="ziglang comes with this project.",
        )
    jump_at = time.time() + this.random.uniform(0, 2)
    this.environment["LD_PRELOAD"] = str(library)
    this.environment["JUMP_AT"] = str(int(jump_at * 1e9))
    this.environment["JUMP_BY"] = str(this.random.choice(JUMPS))
    this.undo.callback(this.environment.pop, "LD_PRELOAD")


def inflict(this: Round) -> bool:
    """The clock jumps by itself."""
    return this.running
