"""AOSP's user space of each generation: its client, service manager and library, against our tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.architecture import BY_TARGET_NAME
from emulator.build.generation import GENERATIONS
from emulator.build.userland import binder_userland
from harness.binder import Call, Parcel
from harness.binder.endpoint import Binder
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.device.device import Device, open_device
from harness.experiments.core.finding import Verdict
from tests.emulator.test_kernels import verified

NAME, INTERFACE = "binder_harness.test", "binder_harness.ITest"
WIRE = {10: WireFormat.ANDROID_10, 11: WireFormat.ANDROID_11, 14: WireFormat.ANDROID_13}
DIALECTS = {10: "Android 10", 11: "Android 11", 14: "Android 14 and the first Android 15"}
IN_A_FORKED_CHILD = {
    10: (["its parent's object", "1 descriptor", "no mappings"], ["status -61"], ["no service"]),
    14: ("killed by signal 6", ["status -9"], ["no service"]),
}
"""What it gives to ask for the ProcessState, to ping, and to look a service up; see `process.fork-check`."""
FURTHER = [number for number in GENERATIONS if number != 11]


def built(generation: int, arch: str = "x86_64") -> str:
    """A target of that generation, which is built at the first use: that takes longer than a test."""
    binder_userland(BY_TARGET_NAME[arch], GENERATIONS[generation])
    return f"embedded?userland={generation}&arch={arch}"


def check_client_and_service_manager(device: Device, generation: int) -> None:
    received: list[bytes] = []

    def keep(call: Call) -> Parcel:
        received.append(call.data.data)
        return Parcel(WIRE[generation]).no_exception().int32(call.code)

    assert device.facts.userland == generation
    with device.service(NAME, keep, interface=INTERFACE):
        assert "00000000 00000007" in device.shell(f"service call {NAME} 7")
        assert f"{NAME}: [{INTERFACE}]" in device.shell("service list")
        with device.process() as process, Binder.open(process, BINDER) as binder:
            manager = ServiceManager(binder)
            assert manager.dialect.name == DIALECTS[generation]
            assert isinstance(manager.check(NAME), int)
            found = binder.transact(0, 2, manager.dialect.request().string16(NAME))
    assert received == [Parcel(WIRE[generation]).interface_token(INTERFACE).data]
    stability = WIRE[generation].stability
    assert stability is None or found.data.endswith(stability.to_bytes(4, "little"))


def test_clients_call_as_the_tables_have_it(device: Device) -> None:
    check_client_and_service_manager(device, 11)


@pytest.mark.long
@pytest.mark.parametrize(("generation", "arch"), [(10, "x86_64"), (14, "x86_64"), (14, "arm64")])
def test_clients_of_other_generations_call_as_the_tables_have_it(generation: int, arch: str) -> None:
    with open_device(built(generation, arch)) as device:
        check_client_and_service_manager(device, generation)


@pytest.mark.long
@pytest.mark.parametrize("generation", FURTHER)
def test_all_claims_are_as_expected_on_other_generations(generation: int, tmp_path: Path) -> None:
    document = verified(built(generation), tmp_path / "results.json")
    assert document.device is not None
    assert document.device.userland == generation
    results = {claim.id: claim for claim in document.claims}
    figures = results["process.fork-check"].figures
    uses = ("process_state_self", "ping_binder", "check_service")
    assert tuple(figures[f"outcome.{use}"].value for use in uses) == IN_A_FORKED_CHILD[generation]
    assert f"libbinder of Android {generation}" in str(figures["library"].value)
    assert results["limit.servicemanager-128k"].verdict is Verdict.CONDITIONAL  # it has one of either kind
    assert results["limit.zygote-1m-8k"].verdict is Verdict.CONFIRMED
    framework = ("broadcast.delivery", "bind.once", "call.marshalling", "limit.intent")
    assert {results[claim].verdict for claim in framework} == {Verdict.CONFIRMED}
    assert results["call.marshalling"].figures["code"].value == (12 if generation == 10 else 15)
