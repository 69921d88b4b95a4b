"""Claims about the names that the Service Manager keeps: registered, found, listed, and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.experiments.core.claim import Evidence, Finding, Section, claim
from harness.experiments.instruments.service_managers import IN_C
from harness.experiments.service_manager.registration import (
    Registration,
    measure_death,
    measure_listing,
    measure_registration,
)

if TYPE_CHECKING:
    from harness.device.device import Device


@claim(
    "sm.register-lookup",
    documents="BC",
    section=Section.SERVICE_MANAGER,
    statement="A service is registered under a name, and found by it as a handle; unknown names give none.",
    experiment="Register an object, look it up by both methods from another process, and call it through the "
    "handle; look an unknown name up. With each generation of service manager that the device has.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, Android 11; service_manager.c, 10",
)
def register_lookup(device: Device) -> Finding:
    """The service must have been called by the process that found it, as the driver tells."""
    measured = measure_registration(device)
    return Finding.whether(
        all(_found_as_told(found) for found in measured),
        "; ".join(
            f"{found.generation}: found as handle {found.handle}, which answers {found.answer} to 41; "
            f"before, {'found' if found.found_before else 'nothing'}; "
            f"another name, {'found' if found.found_unknown else 'nothing'}"
            for found in measured
        ),
        *(
            evidence
            for found in measured
            for evidence in (
                Evidence(f"handle; {found.generation}", "checkService", found.handle),
                Evidence(f"handle; {found.generation}", "getService", found.handle_by_get),
                Evidence(f"own object; {found.generation}", "checkService by its process", found.own_node),
                Evidence(f"caller seen; {found.generation}", "sender_pid", found.called_by, found.caller),
            )
        ),
    )


def _found_as_told(found: Registration) -> bool:
    return (
        not found.found_before
        and not found.found_unknown
        and found.handle is not None
        and found.handle == found.handle_by_get
        and found.own_node
        and found.called_by == found.caller
        and found.answer == 42
    )


@claim(
    "sm.list",
    documents="B",
    section=Section.SERVICE_MANAGER,
    statement="All registered names can be listed.",
    experiment="List the names, register three, and list them again; with each generation there is.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, listServices, Android 11; "
    "service_manager.c, SVC_MGR_LIST_SERVICES, 10",
)
def list_services(device: Device) -> Finding:
    """The second list must have the three names that the first one lacks, and each name once."""
    measured = measure_listing(device)
    return Finding.whether(
        all(
            set(listing.registered) <= set(listing.after) - set(listing.before)
            and len(set(listing.after)) == len(listing.after)
            for listing in measured
        ),
        "; ".join(
            f"{listing.generation}: {len(listing.before)} names, and {len(listing.after)} after "
            f"{len(listing.registered)} were registered"
            for listing in measured
        ),
        *(
            evidence
            for listing in measured
            for evidence in (
                Evidence(f"registered; {listing.generation}", "addService", listing.registered),
                Evidence(f"before; {listing.generation}", "listServices", listing.before),
                Evidence(f"after; {listing.generation}", "listServices", listing.after),
            )
        ),
    )


@claim(
    "sm.death-forgets",
    documents="",
    section=Section.SERVICE_MANAGER,
    statement="When a server dies, its name can no longer be found.",
    experiment="Register a service, find it, kill its process, and look the name up until it is not found, "
    "then for it in the list; with each generation there is.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, binderDied, Android 11; "
    "service_manager.c, svcinfo_death, which keeps the entry, 10",
)
def death_forgets(device: Device) -> Finding:
    """The name must have been found before. That the program in C goes on listing it is a figure beside."""
    measured = measure_death(device)
    return Finding.whether(
        all(death.found_alive and not death.found_dead for death in measured),
        "; ".join(
            f"{death.generation}: {'found' if death.found_dead else 'not found'} "
            f"{death.seconds * 1000:.0f} ms later, {'still' if death.listed_dead else 'not'} listed"
            for death in measured
        ),
        *(
            evidence
            for death in measured
            for evidence in (
                Evidence(f"found alive; {death.generation}", "checkService", death.found_alive),
                Evidence(f"found dead; {death.generation}", "checkService", death.found_dead),
                Evidence(
                    f"listed dead; {death.generation}",
                    "listServices",
                    death.listed_dead,
                    known=death.generation == IN_C,
                ),
                Evidence(f"a call through the handle; {death.generation}", "BC_TRANSACTION", death.call),
            )
        ),
    )
