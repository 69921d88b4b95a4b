"""`kernel-config`: prints what a kernel of one's own has to be configured with."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.base.errors import UsageError
from emulator.base.printable import show


def kernel_config(
    arch: Annotated[
        str, typer.Option("--arch", metavar="ARCH", help="The kernel's architecture: x86_64 or arm64.")
    ] = "x86_64",
) -> None:
    """Print the options that a kernel of your own needs.

    \b
    binder-harness kernel-config > binder.config
    scripts/kconfig/merge_config.sh .config binder.config   in the kernel's tree
    binder-harness doctor --kernel .                        what is still missing

    It is a fragment for the kernel's own scripts: the machine that QEMU emulates, what
    programs need, Binder, and what the evidence is read from.
    """
    from emulator.base.architecture import BY_TARGET_NAME
    from emulator.embedded.kernel.configuration import fragment

    if arch not in BY_TARGET_NAME:
        raise UsageError(f"--arch {arch}: there is no such architecture. Give {' or '.join(BY_TARGET_NAME)}.")
    show(fragment(BY_TARGET_NAME[arch]), end="")
