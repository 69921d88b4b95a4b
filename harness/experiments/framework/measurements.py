"""The measurements of the framework: by AOSP's own Java where the device has that, else by Python.

What the framework keeps and logs needs its code: AOSP's Java is put on an embedded device for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import Need
from harness.experiments.core.measurement import measurement
from harness.experiments.framework import bindings, broadcasts, java_broadcasts, java_lookups, lookups
from harness.experiments.framework.bindings import Bindings
from harness.experiments.framework.broadcasts import BroadcastHops, Delivery, IntentLimits, Marshalling
from harness.experiments.framework.java_lookups import JavaLookups, JavaSlowLookups
from harness.experiments.framework.lookups import Lookups, SlowLookups

if TYPE_CHECKING:
    from harness.device.device import Device


@measurement("broadcast", "What arrives of the broadcast that document A sends.")
def measure_broadcast(device: Device) -> Delivery:
    """Send document A's broadcast; TimeLimitError where it does not arrive within ten seconds."""
    return java_broadcasts.java_delivery(device) if device.facts.java else broadcasts.delivery(device)


@measurement("broadcast-hops", "Between which processes a broadcast's transactions go.")
def measure_broadcast_hops(device: Device) -> BroadcastHops:
    """Trace the lookup and the broadcast of a process, and then its second broadcast."""
    if device.facts.java:
        return java_broadcasts.java_broadcast_hops(device)
    return broadcasts.broadcast_hops(device)


@measurement("marshalling", "What a call, its reply and an exception are on the wire.")
def measure_marshalling(device: Device) -> Marshalling:
    """Send a broadcast, and, as adb's user, one that only the system may send."""
    return java_broadcasts.java_marshalling(device) if device.facts.java else broadcasts.marshalling(device)


@measurement("intent-limits", "How large an Intent's extras may be.")
def measure_intent_limits(device: Device) -> IntentLimits:
    """Find the largest broadcast that is taken, and the largest that arrives.

    FacilityMissingError on an Android of somebody else's; see `broadcasts.intent_limits`.
    """
    if device.facts.java:
        return java_broadcasts.java_intent_limits(device)
    return broadcasts.intent_limits(device)


@measurement("bindings", "How often a service is asked for its object, and what its clients get.")
def measure_bindings(device: Device) -> Bindings:
    """Bind a service twice; with a framework, find one that is bound by several in `dumpsys`.

    Raises FacilityMissingError where no service has several clients.
    """
    return java_broadcasts.java_bindings(device) if device.facts.java else bindings.bindings(device)


@measurement("framework-lookups", "How often the framework calls the service manager.")
def measure_framework_lookups(device: Device) -> Lookups | JavaLookups:
    """Count the calls for lookups of Java one after the other, or those of a framework that cannot be asked.

    Raises FacilityMissingError where there is neither, or no tracing with probes.
    """
    Need.FRAMEWORK_CODE.require(device.facts)
    if java_lookups.asked_directly(device.facts):
        return java_lookups.java_lookups(device)
    return lookups.framework_lookups(device)


@measurement("slow-lookups", "The slow lookups in the event log.")
def measure_slow_lookups(device: Device) -> SlowLookups | JavaSlowLookups:
    """Read the event log or, with AOSP's Java, have the service manager answer late and see what is logged.

    Raises FacilityMissingError where there is neither Android's framework nor AOSP's Java.
    """
    Need.FRAMEWORK_CODE.require(device.facts)
    if device.facts.android_framework:
        return lookups.slow_lookups(device)
    return java_lookups.java_slow_lookups(device)
