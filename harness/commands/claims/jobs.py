"""How many clones of a device judge claims at a time."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from harness.matrix.claim_queue import CLAIMS_WORTH_A_CLONE

if TYPE_CHECKING:
    from emulator.target import Target
    from harness.matrix.clones import Clones
    from harness.matrix.selection import Selection

Jobs = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        metavar="N",
        help="Judge on N clones of the device at a time; 1: on one device, in this process. Default: one for "
        "each processor, where the device can be cloned and the claims are enough.",
    ),
]


def clones_of(
    target: Target, selection: Selection, wanted: int | None
) -> contextlib.AbstractContextManager[Clones | None]:
    """The clones on which these claims are judged; None where that is on one device, in this process.

    Raises UsageError where several are wanted of a device that has no clones.
    """
    jobs = jobs_for(target, len(selection.claims), wanted)
    if jobs == 1:
        return contextlib.nullcontext()
    from harness.matrix.clones import Clones

    return Clones(str(target), selection, jobs)


def jobs_for(target: Target, claims: int, wanted: int | None) -> int:
    """How many devices judge so many claims at a time."""
    if wanted is None:
        processors = len(os.sched_getaffinity(0))
        return max(1, min(processors, claims // CLAIMS_WORTH_A_CLONE)) if target.kind.clones(target) else 1
    if wanted > 1 and not target.kind.clones(target):
        raise UsageError(
            f"--jobs {wanted}: {target} has no clones, so its claims are judged one after the other. Omit "
            "the option, or use a device that starts here from a snapshot, such as `embedded`."
        )
    return max(1, min(wanted, claims))
