"""AOSP's own tests on devices: what passes, what a program that hangs or dies gives, and what is left."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from emulator.build.generation import ANDROID_11
from emulator.build.userland import THROUGHPUT_TEST
from harness.aosp_tests.googletest import Outcome, TestCase
from harness.aosp_tests.running import chosen, generation_for, run_program, run_programs
from harness.device.device import Device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from tests.support.own_claims import unchanged_registries

__all__ = ["unchanged_registries"]

PASSED = {
    "binderDriverInterfaceTest": 17,
    "binderLibTest": 30,
    "binderSafeInterfaceTest": 17,
    "binderTextOutputTest": 59,
    "binderStabilityTest": 6,
    "libbinder_ndk_unit_test": 13,
    "binderThroughputTest": 1,
}


def test_a_program_that_dies_or_hangs_is_reported_and_nothing_of_it_is_left(
    device: Device, tmp_path: Path
) -> None:
    program = tmp_path / "aTest"
    program.write_text("#!/bin/sh\necho '[ RUN      ] A.b'\nkill -9 $$\n")
    run = run_program(device, program.name, program)
    assert run.cases == (TestCase("A.b", Outcome.UNFINISHED),)
    assert run.ending == "was killed by SIGKILL before its report"
    program.write_text("#!/bin/sh\necho '[ RUN      ] A.b'\nexec sleep 1000\n")
    run = run_program(device, program.name, program, seconds=0.5)
    assert run.cases == (TestCase("A.b", Outcome.UNFINISHED),)
    assert run.ending == "did not end within 0.5 s"
    assert not device.files.exists(f"{device.surroundings.directory}/aosp-tests")


@pytest.mark.usefixtures("unchanged_registries")
def test_a_program_is_judged_as_a_claim(device: Device) -> None:
    claims = importlib.reload(importlib.import_module("harness.aosp_tests.claims"))
    result = judge(CLAIMS.get(claims.id_of(THROUGHPUT_TEST)), device)
    assert (result.verdict, result.as_expected) == (Verdict.CONFIRMED, True)
    assert result.figures["tests_passed"].value == 1


@pytest.mark.long
def test_all_of_aosps_tests_pass(device: Device) -> None:
    assert generation_for(device) is ANDROID_11
    runs = list(run_programs(device, chosen(()), ANDROID_11))
    assert {run.name: run.count(Outcome.PASSED) for run in runs} == PASSED
    assert all(run.passed for run in runs)
    assert device.run(["pidof", *PASSED]).output == ""
