"""Services in Python, registered at real service managers: found, listed, and forgotten when they die."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError
from harness.binder.errors import DeadObjectError
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.service import BINDER, Service, open_service
from harness.binder.serving.call import Call, Handler
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.generations import Generation
from harness.experiments.instruments.service_managers import Place, at_each

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

METHOD = 1
FORGET_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Registration:
    """One name before and after it is registered; process ids are the device's."""

    generation: Generation
    found_before: bool
    """Whether the name was found before it was registered."""
    found_unknown: bool
    """Whether a name that nobody registered is found meanwhile."""
    handle: int | None
    """Under which another process finds the service by checkService."""
    handle_by_get: int | None
    """The same by getService."""
    own_node: bool
    """Whether its own process finds the object itself."""
    caller: int
    """The process that calls the service through that handle."""
    called_by: int | None
    """The process that the driver names as the caller of the service."""
    reply: int | None
    """The service's reply to 41: one more."""


@measurement("registration", "What is found under a name before and after it is registered.")
def measure_registration(device: Device) -> tuple[Registration, ...]:
    """Register a service, look it up and call it from another process; with each generation there is."""

    def experiment(place: Place) -> Registration:
        callers: list[int] = []

        def add_one(call: Call) -> Parcel:
            callers.append(call.sender_pid)
            return Parcel(call.wire).no_exception().int32(call.data.int32() + 1)

        name = _new_name()
        before = place.manager.check(name)
        with _registered(device, place, name, add_one) as service:
            handle, by_get = place.manager.check(name), place.manager.get(name)
            reply = None
            if isinstance(handle, int):
                data = Parcel(place.manager.dialect.wire).interface_token(name).int32(41)
                reply = place.client.transact(handle, METHOD, data).check_exception().int32()
            return Registration(
                generation=place.generation,
                found_before=before is not None,
                found_unknown=place.manager.check(_new_name()) is not None,
                handle=handle if isinstance(handle, int) else None,
                handle_by_get=by_get if isinstance(by_get, int) else None,
                own_node=service.manager.check(name) == service.node,
                caller=place.client.process.pid,
                called_by=callers[0] if callers else None,
                reply=reply,
            )

    return at_each(device, experiment)


@dataclass(frozen=True, slots=True)
class Listing:
    """The names that a service manager lists."""

    generation: Generation
    registered: tuple[str, ...]
    """Three names that were registered in between."""
    before: tuple[str, ...]
    after: tuple[str, ...]


@measurement("service-list", "Which names a service manager lists before and after three are registered.")
def measure_listing(device: Device) -> tuple[Listing, ...]:
    """List the names, register three, list them again; with each generation there is."""

    def experiment(place: Place) -> Listing:
        names = tuple(_new_name() for _ in range(3))
        before = place.manager.list()
        with _registered(device, place, names[0], _reply_nothing) as service:
            for name in names[1:]:
                service.manager.add(name, service.node)
            return Listing(place.generation, names, before, place.manager.list())

    return at_each(device, experiment)


@dataclass(frozen=True, slots=True)
class Death:
    """What a service manager still has of a name whose server was killed."""

    generation: Generation
    found_alive: bool
    """Whether the name was found before."""
    found_dead: bool
    """Whether it still was after five seconds."""
    seconds: float
    """From the server's death to the last lookup."""
    listed_dead: bool
    """Whether it was listed when it was no longer found."""
    call: str
    """The outcome of a call through the handle that was found before."""


@measurement("service-death", "What a service manager still has of a name whose server was killed.")
def measure_death(device: Device) -> tuple[Death, ...]:
    """Register a service, find it, kill its process, and look for the name; with each generation there is."""

    def experiment(place: Place) -> Death:
        name = _new_name()
        with _registered(device, place, name, _reply_nothing) as service:
            alive = place.manager.check(name)
            service.process.kill()
            start = time.monotonic()
            forgotten = _until_forgotten(place, name)
            seconds = time.monotonic() - start
            return Death(
                generation=place.generation,
                found_alive=alive is not None,
                found_dead=not forgotten,
                seconds=round(seconds, 3),
                listed_dead=name in place.manager.list(),
                call=_outcome_of_call(place, alive) if isinstance(alive, int) else "not made",
            )

    return at_each(device, experiment)


def _until_forgotten(place: Place, name: str) -> bool:
    try:
        return Deadline(FORGET_SECONDS).poll(
            lambda: place.manager.check(name) is None, f"the end of {name} at the service manager"
        )
    except TimeLimitError:
        return False


def _outcome_of_call(place: Place, handle: int) -> str:
    try:
        place.client.transact(handle, METHOD)
    except DeadObjectError as error:
        return error.command.name
    return "BR_REPLY"


def _new_name() -> str:
    return f"binder_harness.{secrets.token_hex(4)}"


def _reply_nothing(_: Call) -> None:
    """Answers every call with an empty reply."""


@contextmanager
def _registered(
    device: Device, place: Place, name: str, handler: Handler
) -> Iterator[Service[DeviceProcess]]:
    """A service registered for an experiment.

    FacilityMissingError where that is refused, or where its name would stay listed on a device of others.
    """
    if place.generation is Generation.IN_C and place.node == BINDER and not device.controller.disposable:
        raise FacilityMissingError(
            "needs to register a name, which this service manager lists until the device starts again, "
            "and the device is not the harness's own. It can be tested on the target `embedded`."
        )
    with open_service(device, name, handler, path=place.node) as service:
        yield service
