"""Where AOSP's Java is on a device: in its image, or put there when it is first asked for."""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from emulator.base.errors import FacilityMissingError
from emulator.base.progress import step
from emulator.build.java.release import JAVA_10, JAVA_RELEASES, JavaRelease
from emulator.build.java.runtime import java_roots
from harness.binder.services.manager_program import PROGRAM_IN_C, held_manager
from harness.binder.services.service import BINDER
from harness.device.facts import Need
from harness.framework.dialect import android_release, java_in_use
from harness.framework.java.art import put_agent
from harness.framework.java.put import put_directories
from harness.kernel.proc.memory import read_meminfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.device.device import Device
    from harness.device.facts import Facts

MOUNT_POINTS = ("dev", "proc", "system/bin")
"""What a process of Java that was put there sees of the device, besides its own files."""
COMPLETE = "complete"
"""The name of a file that is made last."""
PROCESS_BYTES = 64 << 20
"""Of memory, beyond the files, for one process with what it loads of them."""
ENOUGH_MIB = 384
"""Of a device's memory."""


@dataclass(frozen=True, slots=True)
class JavaPlace:
    """Where processes of AOSP's Java find their files, and their service manager."""

    release: int
    """Of Android."""
    root: str
    """The directory that they take for `/`; empty where Java is in the device's image."""
    node: str
    """The binder device of that release's service manager, which they have in the place of /dev/binder."""
    dex: str = ""
    """The path of the agent for ART, on a device whose own framework it runs; empty for OpenJDK."""


def prepare_java(device: Device) -> str:
    """Have AOSP's Java be on a device; return its root, which is empty where it is in the image.

    At the first use it is built, for three minutes, and on each device it is put once: 76 MB in 2 s. It goes
    when the device is closed. Raises FacilityMissingError where it cannot be put, for too little memory among
    other reasons, and SetupError where it cannot be built.
    """
    facts = device.facts
    Need.JAVA.require(facts)
    if facts.java is not None:
        return ""
    roots = java_roots(_release_for(facts), device.architecture)
    # The last one's key depends on all of them.
    root = f"{device.directory}/{roots[-1].parent.name}"
    if not device.files.exists(f"{root}/{COMPLETE}"):
        _put(device, roots, root)
    return root


def _release_for(facts: Facts) -> JavaRelease:
    """The release that is put on a device: that of its service manager, or Android 10."""
    own = JAVA_RELEASES.get(facts.userland or 0)
    return own if own is not None and facts.service_manager else JAVA_10


def _put(device: Device, roots: Sequence[Path], root: str) -> None:
    size = sum(file.stat().st_size for each in roots for file in each.rglob("*") if file.is_file())
    free = read_meminfo(device.files)["MemAvailable"]
    if free < size + PROCESS_BYTES:
        raise _too_little_memory(device, size, free)
    with (
        step(f"putting AOSP's Java on {device.controller.target}, {size >> 20} MB"),
        device.process() as process,
    ):
        try:
            put_directories(process, roots, root)
            device.shell(["mkdir", "-p", *(f"{root}/{name}" for name in (*MOUNT_POINTS, COMPLETE))])
        except OSError as error:
            device.run(["rm", "-rf", root])
            if error.errno != errno.ENOSPC:
                raise
            raise _too_little_memory(device, size, free) from error


def _too_little_memory(device: Device, size: int, free: int) -> FacilityMissingError:
    return FacilityMissingError(
        f"needs {size + PROCESS_BYTES >> 20} MiB of memory for AOSP's Java: {device.controller.target} has "
        f"{free >> 20} MiB free. It can be tested on that target with memory={ENOUGH_MIB} or more."
    )


@contextmanager
def open_place(device: Device, node: str | None = None) -> Iterator[JavaPlace]:
    """Have AOSP's Java be on a device for the block, and a service manager of its release.

    That is the device's own where it is of that release; else one is started on the free binder device,
    unless `node` names another device, where the caller provides for one. On a device with ART, the agent for
    that is put there.
    """
    if device.facts.art:
        yield JavaPlace(android_release(device.facts) or 0, "", BINDER, dex=put_agent(device))
        return
    root = prepare_java(device)
    release = device.facts.java or _release_for(device.facts).number
    with contextlib.ExitStack() as stack:
        if node is None:
            node = BINDER
            if device.facts.userland != release or not device.facts.service_manager:
                node = stack.enter_context(_MANAGERS.setdefault(device, _SharedManager()).used(device))
        stack.enter_context(java_in_use(device, release))
        yield JavaPlace(release, root, node)


class _SharedManager:
    """Android 10's service manager on a device's free binder device, for as long as anybody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._running = contextlib.ExitStack()

    @contextmanager
    def used(self, device: Device) -> Iterator[str]:
        """Start it for the first user, and end it after the last; gives the binder device."""
        Need.FREE_BINDER.require(device.facts)
        node = device.facts.free_binder_device
        assert node is not None
        with self._lock:
            if self._users == 0:
                with contextlib.ExitStack() as stack:
                    stack.enter_context(held_manager(device, PROGRAM_IN_C, node)).begin()
                    self._running = stack.pop_all()
            self._users += 1
        try:
            yield node
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._running.close()


_MANAGERS: WeakKeyDictionary[Device, _SharedManager] = WeakKeyDictionary()
