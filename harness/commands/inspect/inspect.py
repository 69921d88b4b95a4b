"""`inspect`: reads files or a live device, and answers what they show about Binder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from emulator.base.printable import show
from harness.commands.options import AsJson, Host, OptionalTarget, given, with_start_options
from harness.commands.text import columns, wrapped

if TYPE_CHECKING:
    from harness.inspect.inspection import Inspection

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", show_default=False, help="Files, folders, zips; - is standard input."),
]


def inspect(
    context: typer.Context,
    files: Files = None,
    target: OptionalTarget = None,
    host: Host = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Show only the lines that were not understood.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every answer, with all that shows it.")] = False,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Write what was read from the device to a folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a bug report, a log, a dump or a device shows about Binder.

    \b
    binder-harness inspect bugreport.zip
    binder-harness inspect state-before state-after  and what grew between them
    binder-harness inspect - < dmesg.txt
    binder-harness inspect --target adb:SERIAL --keep now

    It reads bug reports (text or zip), Binder's debug files of any kernel, single lines of
    them, kernel logs, traces, `dumpsys activity broadcasts` and `services`, `service list`,
    what `service call` printed, init's .rc files, /proc/PID/maps and smaps, `adb devices -l`,
    and says who waits for whom, who holds buffers, who leaks, whose threads are exhausted,
    who is frozen, and what failed and why; each answer names its lines.
    """
    from harness.inspect.text import json_of, text_of, unknown_of

    if files and given(context, "target"):
        raise UsageError("Give files or --target, not both: answers are about one device.")
    if files and given(context, "host"):
        raise UsageError("Files are read on this machine; --host is where a device runs (--target).")
    if files:
        from harness.inspect.inspection import read

        if keep is not None:
            raise UsageError("--keep is for what is read from a device (--target).")
        inspection = read(*files)
    elif target is not None:
        inspection = _inspected(target, host, keep)
    else:
        raise UsageError(
            "Give files to read, - for standard input, or a device (--target). "
            "For example: binder-harness inspect bugreport.zip"
        )
    if as_json:
        show(json_of(inspection))
        return
    for line in unknown_of(inspection) if unknown else text_of(inspection, every=every):
        text = line.strip()
        show(wrapped(text, indent=len(line) - len(text)) if columns() and text else line)


def _inspected(target: str, host: str | None, keep: Path | None) -> Inspection:
    from harness.device.device import open_device
    from harness.inspect.live import inspect_device

    with open_device(with_start_options(target, cold=False, host=host)) as device:
        return inspect_device(device, keep=keep)
