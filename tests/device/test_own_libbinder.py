"""Claims about libbinder judge the device's own, where it has one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.base.architecture import DEFAULT
from harness.device.device import Device, open_device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from harness.experiments.instruments.libbinder_probe import OURS, OWN
from tests.support.shared_libbinder import MAPPED, put_libbinder_on

VERDICTS = {
    "process.singleton": Verdict.CONFIRMED,
    "process.mapping-flags": Verdict.CONFIRMED,
    "process.driver-fallback": Verdict.CONFIRMED,
    "process.fork-check": Verdict.REFUTED,
}


@pytest.fixture(scope="module")
def android() -> Iterator[Device]:
    """An embedded device with a libbinder of its own."""
    if not DEFAULT.native:
        pytest.skip(f"the C library of this machine is not for {DEFAULT}")
    with open_device("embedded") as device:
        put_libbinder_on(device)
        yield device


@pytest.mark.parametrize(("claim", "verdict"), VERDICTS.items())
def test_the_device_s_own_library_is_judged(android: Device, claim: str, verdict: Verdict) -> None:
    result = judge(CLAIMS.all()[claim], android)
    assert (result.verdict, result.figures["library"].value) == (verdict, OWN), result.reason


@pytest.mark.parametrize("claim", VERDICTS)
def test_without_one_ours_is_judged_and_named(device: Device, claim: str) -> None:
    assert judge(CLAIMS.all()[claim], device).figures["library"].value == OURS.format(release=11)


def test_what_a_vendor_s_library_maps_is_reported(android: Device) -> None:
    result = judge(CLAIMS.all()["limit.zygote-1m-8k"], android)
    assert result.verdict is Verdict.REFUTED
    assert result.figures["bytes_mapped"].value == [MAPPED]
    assert result.figures["processes"].value == f"a process on {OWN}"


def test_a_library_that_lacks_a_function_is_not_testable_here(android: Device) -> None:
    android.shell("mv /system/lib64/libbinder_ndk.so /system/lib64/absent.so")
    try:
        result = judge(CLAIMS.all()["process.singleton"], android)
    finally:
        android.shell("mv /system/lib64/absent.so /system/lib64/libbinder_ndk.so")
    assert result.verdict is Verdict.NOT_TESTABLE
    assert "device's own libbinder cannot be used here: own_libbinder: /system/lib64/libbinder_ndk.so" in str(
        result.reason
    )
