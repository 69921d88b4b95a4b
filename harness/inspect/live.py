"""What a device shows at this moment, read as a dump of it would be."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.framework.dumps.processes import ProcessNames
from harness.inspect.inspection import Inspection, inspection_of
from harness.inspect.reader import Reader
from harness.inspect.sources import Source
from harness.kernel.binder_debug.debug_files import BinderDebugMissingError

if TYPE_CHECKING:
    from harness.device.device import Device
    from harness.kernel.files import Files

_FILES = ("failed_transaction_log", "transactions", "stats", "state")
"""In the order in which a bug report has them; the Rust driver has no log."""
_COMMAND_SECONDS = 20.0
_LOG = "dmesg"
_ANDROID_S = ("dumpsys -t 10 activity broadcasts", "dumpsys -t 10 activity services")
"""With limits of their own: a device whose services hang is what one inspects."""
_CGROUP = "/sys/fs/cgroup"


def inspect_device(device: Device, *, keep: Path | None = None) -> Inspection:
    """Inspect a device: the driver's records, its messages, and the activity manager's records.

    What was read is written to the folder `keep`, whose files the answers then name. What cannot be read is a
    note of the result. Raises what the device's loss raises.
    """
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    reader = Reader(ProcessNames())
    notes: list[str] = []
    for name, text in _texts(device, notes):
        log = name == _LOG
        if keep is not None:
            kept = keep / re.sub(r"\W+", "_", name).strip("_")
            kept.write_text(text, encoding="utf-8")
            name = str(kept)
        reader.read(Source(name, io.BytesIO(text.encode())), log=log)
    pids = {
        block.pid for section in inspection_of(reader).snapshots for _, block in section.blocks() if block.pid
    }
    for pid in sorted(pids):
        _learn(device.files, pid, reader.names)
    found = inspection_of(reader)
    return replace(found, notes=(*notes, *found.notes))


def _texts(device: Device, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Each thing to read, by name."""
    try:
        location = device.binder.location
    except BinderDebugMissingError as error:
        notes.append(f"the driver's records cannot be read: {error}")
    else:
        for name in _FILES:
            with contextlib.suppress(FileNotFoundError):
                yield f"{location}/{name}", device.files.read_text(f"{location}/{name}")
    for command in (_LOG, *(_ANDROID_S if device.facts.framework else ())):
        try:
            yield command, device.shell(command, deadline=Deadline(_COMMAND_SECONDS))
        except HarnessError as error:
            notes.append(f"`{command}` gave nothing: {str(error).splitlines()[0]}")


def _learn(files: Files, pid: int, names: ProcessNames) -> None:
    """The name of a process and of its threads, and whether it is frozen; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        program = files.read_text(f"/proc/{pid}/cmdline").split("\0")[0]
        names.name_process(pid, program.rpartition("/")[2] or files.read_text(f"/proc/{pid}/comm").strip())
        for tid in files.list_directory(f"/proc/{pid}/task"):
            names.name_thread(int(tid), files.read_text(f"/proc/{pid}/task/{tid}/comm").strip())
    with contextlib.suppress(OSError):
        group = files.read_text(f"/proc/{pid}/cgroup").strip().rpartition("::")[2]
        if "frozen 1" in files.read_text(f"{_CGROUP}{group}/cgroup.events"):
            names.frozen.setdefault(pid, f"{_CGROUP}{group}/cgroup.events")
