"""A device from any image that plain QEMU can start, described in a file that the user writes."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
import textwrap
from collections.abc import Callable
from pathlib import Path

from emulator.adb.client import REACHED, UNAUTHORIZED, AdbClient
from emulator.adb.states import explain
from emulator.base.architecture import DEFAULT, architecture_named
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, TimeLimitError
from emulator.base.progress import report, step
from emulator.embedded.image import embedded_image
from emulator.embedded.kernel.find import find_kernel
from emulator.embedded.qemu.acceleration import choose_acceleration
from emulator.embedded.qemu.controller import QemuDevice
from emulator.embedded.qemu.machine_factory import machine_factory
from emulator.embedded.qemu.running_machine import RunningMachine
from emulator.host.host import Host, absence
from emulator.kinds.image_file import EXAMPLE, Description, read_description
from emulator.target import HOST, DeviceKind, Offer, Target, on_host

MOST_RESTARTS = 3
"""A device may restart itself so often while it starts, for example after it has prepared its disks."""
POLL_SECONDS = 0.2


class ImageDevice(QemuDevice):
    """The controller of a device that an image file describes."""

    def __init__(
        self,
        target: Target,
        boot: Callable[[int], RunningMachine],
        resources: contextlib.ExitStack,
        description: Description,
    ) -> None:
        super().__init__(target, boot(0), boot, resources)
        self._description = description

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait for its console line, for adb, and for its property, as far as the description names them.

        Raises DeviceLostError, which distinguishes an end, endless restarts, an adbd that asks for
        authorisation, one that cannot be reached, and slowness.
        """
        before = self.machine.monitor.guest_resets()
        line, state = self._description.ready_line, self._description.ready_property
        if line is not None:
            self._await(f"“{line}” on its console", lambda: self._printed(line), before, deadline)
        self._await(f"adb to reach {self.serial}", self._reached, before, deadline)
        if state is not None:
            name, value = state
            self._await(
                f"its property {name} to be {value}",
                lambda: self._adb.output(self.serial, f"getprop {name}") == value,
                before,
                deadline,
            )

    def _await(self, awaited: str, condition: Callable[[], bool], resets: int, deadline: Deadline) -> None:
        report(f"waiting for {awaited}")

        def met() -> bool:
            if not self.alive:
                raise DeviceLostError(self.loss_reason())
            restarts = self.machine.monitor.guest_resets() - resets
            if restarts > MOST_RESTARTS:
                raise DeviceLostError(
                    f"The device keeps restarting: {restarts} times by itself, while waiting for {awaited}. "
                    f"Its last console lines:\n{self.machine.console.tail()}"
                )
            return condition()

        try:
            deadline.poll(met, awaited, interval=POLL_SECONDS)
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: it is too slow, or it hangs. {self.loss_reason()}") from error

    def _printed(self, line: str) -> bool:
        with contextlib.suppress(TimeLimitError):
            return bool(self.machine.console.wait_for(line, deadline=Deadline(POLL_SECONDS)))
        return False

    def _reached(self) -> bool:
        state = self._adb.reach(self.serial)
        if state == UNAUTHORIZED:
            raise self._distrust()
        return state == REACHED

    def _distrust(self) -> HarnessError:
        return DeviceLostError(
            f"{explain(self.serial, UNAUTHORIZED)} If it has no screen, put this machine's "
            "~/.android/adbkey.pub into its /data/misc/adb/adb_keys, or build it with ro.adb.secure=0."
        )


def _tried_acceleration() -> str:
    """What this machine's own architecture runs under, tried with a kernel that is known to boot."""
    native = architecture_named(platform.machine())
    return choose_acceleration("auto", embedded_image(find_kernel("6.12", native)))


def open_image(target: Target, deadline: Deadline | None = None) -> ImageDevice:
    """Start the device that the file describes, within its start_seconds or until `deadline`."""
    description = read_description(Path(target.name))
    address = target.option("host")
    hardware = description.hardware
    if hardware.acceleration == "auto":
        native = hardware.architecture.native and not address
        hardware = dataclasses.replace(hardware, acceleration=_tried_acceleration() if native else "tcg")
    AdbClient().ensure_server()
    with close_on_failure() as resources:
        boot = machine_factory(address, hardware, resources)
        with step(f"booting {target}"):
            device = ImageDevice(target, boot, resources, description)
            device.wait_until_ready(deadline or Deadline(description.start_seconds))
    return device


def _open(target: Target, deadline: Deadline | None) -> Controller:
    return open_image(target, deadline)


def _offers(host: Host) -> list[Offer]:
    missing = absence(host, DEFAULT.qemu_program)
    detail = missing or "any image that plain QEMU can start, described in a file"
    return [Offer(on_host(f"{KIND.name}:{KIND.names}", host), not missing, detail)]


KIND = DeviceKind(
    "image",
    f"a machine for QEMU, described in a file:{textwrap.indent(EXAMPLE.rstrip(), ' ' * 6)}",
    (HOST,),
    _open,
    _offers,
    names="FILE.toml",
    name_required=True,
)
