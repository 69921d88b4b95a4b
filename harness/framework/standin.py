"""The activity manager of a device: its own or, where there is no framework, a stand-in started for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError
from harness.argument_types import checked
from harness.binder.endpoint import Binder
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import ANDROID_10, ANDROID_11, ANDROID_14, Dialect
from harness.device.facts import Need
from harness.framework.dialect import framework_release, standin_answers

if TYPE_CHECKING:
    from harness.agent.program import RemoteProgram
    from harness.device.device import Device

OF_LIBBINDER = {10: ANDROID_10, 11: ANDROID_11, 14: ANDROID_14}
"""How a program on libbinder calls the service manager, by libbinder's release."""
START_SECONDS = 10.0
STANDIN = "stand-in"


@dataclass(frozen=True, slots=True)
class Framework:
    """The activity manager in use."""

    stand_in: bool
    """Whether it is the stand-in, whose behaviour is no evidence of Android's own."""
    program: RemoteProgram | None = None
    """The stand-in where it was started for this block."""

    @property
    def name(self) -> str:
        """Its name in the sentences of findings."""
        return f"{STANDIN} for the activity manager" if self.stand_in else "activity manager"


@checked
@contextmanager
def open_framework(device: Device, *, receiver_seconds: float = 10.0) -> Iterator[Framework]:
    """Use the device's activity manager, or start the stand-in for the block.

    `receiver_seconds` is how long a receiver of an ordered broadcast may take at the stand-in. Raises
    FacilityMissingError where there is no framework and the stand-in cannot be started either.
    """
    if device.facts.framework:
        # Without Android, what is registered as the activity manager is a stand-in started elsewhere.
        yield Framework(stand_in=framework_release(device) is None)
        return
    Need.SERVICE_MANAGER.require(device.facts)
    _require_registrable(device)
    command = [device.activity_standin, "--receiver-seconds", f"{receiver_seconds:g}"]
    with device.program(command) as program:
        line = program.resume().line(Deadline(START_SECONDS))
        if line is None:
            raise FacilityMissingError(
                "needs an activity manager, and the stand-in does not start here: "
                f"{program.standard_error.strip()}. It can be tested on the target `embedded`."
            )
        with standin_answers(device):
            yield Framework(stand_in=True, program=program)


def _require_registrable(device: Device) -> None:
    release = device.facts.libbinder_release
    with device.process() as process, Binder.open(process, BINDER) as binder:
        dialect = ServiceManager(binder).dialect
    reason = why_not_registrable(dialect, release)
    if reason is not None:
        raise FacilityMissingError(
            f"needs an activity manager, and the stand-in, which uses Android {release}'s libbinder, cannot "
            f"be used here: {reason}. It can be tested on the target `embedded`."
        )


def why_not_registrable(dialect: Dialect, release: int = ANDROID_11.wire.release) -> str | None:
    """Why a program on a release's libbinder cannot register with a service manager; None where it can."""
    called = f"the service manager is that of {dialect.name}"
    own = OF_LIBBINDER[release]
    if dialect.wire.header != own.wire.header:
        return f"{called}, whose calls begin otherwise"
    if dialect.wire.stability != own.wire.stability:
        return f"{called}, to which an object's stability is stated otherwise (Stability.cpp)"
    if dialect.code("addService") != own.code("addService"):
        return f"{called}, where addService has another code"
    return None
