"""Claims about the names that the Service Manager keeps: registered, found, listed, and forgotten."""

from __future__ import annotations

from harness.device.facts import Facts
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.instruments.generations import Generation, for_each_generation
from harness.experiments.service_manager.registration import (
    Death,
    Listing,
    Registration,
    measure_death,
    measure_listing,
    measure_registration,
)


@claim(
    "sm.register-lookup",
    measure=measure_registration,
    documents="BC",
    statement="A service is registered under a name, and found by it as a handle; unknown names give none.",
    experiment="Register an object, look it up by both methods from another process, and call it through the "
    "handle; look an unknown name up. With each generation of service manager that the device has.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, Android 11; service_manager.c, 10",
)
def register_lookup(m: tuple[Registration, ...], facts: Facts) -> Finding:
    """The driver must name the process that found the service as the caller of it."""
    sentence, figures = for_each_generation(m, _lookups)
    return Finding.whether(all(_found_as_stated(found) for found in m), sentence, **figures)


def _found_as_stated(found: Registration) -> bool:
    return (
        not found.found_before
        and not found.found_unknown
        and found.handle is not None
        and found.handle == found.handle_by_get
        and found.own_node
        and found.called_by == found.caller
        and found.reply == 42
    )


def _lookups(found: Registration) -> tuple[str, dict[str, Figure]]:
    outcome = (
        "handle by checkService: {handle}"
        if found.handle is None
        else "checkService gives handle {handle}, whose reply to 41 is {reply_to_41}"
    )
    before = "a service" if found.found_before else "nothing"
    unknown = "a service" if found.found_unknown else "nothing"
    return f"{outcome}; {before} was found before it was registered, {unknown} under another name", {
        "handle": Figure(found.handle, "checkService"),
        "handle_by_get": Figure(found.handle_by_get, "getService"),
        "found_by_its_own_process": Figure(found.own_node, "checkService by its process"),
        "caller_seen": Figure(found.called_by, "sender_pid", expected=found.caller, varies=True),
        "reply_to_41": Figure(found.reply, "reply"),
        "found_before": Figure(found.found_before, "checkService"),
        "found_under_another_name": Figure(found.found_unknown, "checkService"),
    }


@claim(
    "sm.list",
    measure=measure_listing,
    documents="B",
    statement="All registered names can be listed.",
    experiment="List the names, register three, and list them again; with each generation there is.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, listServices, Android 11; "
    "service_manager.c, SVC_MGR_LIST_SERVICES, 10",
)
def list_services(m: tuple[Listing, ...], facts: Facts) -> Finding:
    """The second list must have the three names that the first one lacks, and each name once."""
    sentence, figures = for_each_generation(m, _lists)
    return Finding.whether(all(_listed_as_stated(listing) for listing in m), sentence, **figures)


def _listed_as_stated(listing: Listing) -> bool:
    new = set(listing.after) - set(listing.before)
    return set(listing.registered) <= new and len(set(listing.after)) == len(listing.after)


def _lists(listing: Listing) -> tuple[str, dict[str, Figure]]:
    registered, before, after = listing.registered, listing.before, listing.after
    sentence = "{listed_before_count} before and {listed_after_count} after registering {registered_count}"
    # Names are random; before, there may be those of services that ended (`sm.death-forgets`).
    return sentence, {
        "registered": Figure(registered, "addService", varies=True),
        "registered_count": Figure(len(registered), "addService", unit="names"),
        "listed_before": Figure(before, "listServices", varies=True),
        "listed_before_count": Figure(len(before), "listServices", unit="names", varies=True),
        "listed_after": Figure(after, "listServices", varies=True),
        "listed_after_count": Figure(len(after), "listServices", unit="names", varies=True),
    }


@claim(
    "sm.death-forgets",
    measure=measure_death,
    documents="",
    statement="When a server dies, its name can no longer be found.",
    experiment="Register a service, find it, kill its process, and look the name up until it is not found, "
    "then for it in the list; with each generation there is.",
    source="frameworks/native, cmds/servicemanager: ServiceManager.cpp, binderDied, Android 11; "
    "service_manager.c, svcinfo_death, which keeps the entry, 10",
)
def death_forgets(m: tuple[Death, ...], facts: Facts) -> Finding:
    """The name must have been found before. That the program in C goes on listing it is a figure beside."""
    sentence, figures = for_each_generation(m, _after_death)
    return Finding.whether(
        all(death.found_alive and not death.found_dead for death in m), sentence, **figures
    )


def _after_death(death: Death) -> tuple[str, dict[str, Figure]]:
    sentence = (
        f"{'' if death.found_alive else 'not found before the death; '}"
        f"{'still' if death.found_dead else 'no longer'} found {{time_since_death}} after the death, "
        f"and {'still' if death.listed_dead else 'no longer'} listed"
    )
    in_c = death.generation is Generation.IN_C
    return sentence, {
        "found_alive": Figure(death.found_alive, "checkService"),
        "found_dead": Figure(death.found_dead, "checkService"),
        "time_since_death": Figure(round(death.seconds * 1000), "checkService", unit="ms", varies=True),
        "listed_dead": Figure(death.listed_dead, "listServices", expected=in_c),
        "call_through_the_handle": Figure(death.call, "BC_TRANSACTION"),
    }
