"""Which devices get AOSP's Java, and how its processes are started where it is not in the image."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError, SetupError
from harness.binder.services.service import BINDER
from harness.device.facts import Facts, Need, java_is_put
from harness.experiments.core.claim import Claim
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.judge import judge
from harness.framework.java import place
from harness.framework.java.agent import command_at, provenance
from harness.framework.java.place import JavaPlace, prepare_java
from tests.support.fake_device import CLAIMS_BY_ID, FACTS, FakeDevice, Measured, make_claim

EMBEDDED = dataclasses.replace(FACTS, userland=11)
WITH_JAVA = dataclasses.replace(FACTS, userland=10, java=10)
PHONE = dataclasses.replace(FACTS, framework=True, android_release="11")
STAND_IN = dataclasses.replace(FACTS, framework=True, userland=11)


@pytest.mark.parametrize(
    ("facts", "takes"),
    [
        (EMBEDDED, True),
        (WITH_JAVA, True),
        (PHONE, False),
        (dataclasses.replace(EMBEDDED, root=False), False),
        (dataclasses.replace(EMBEDDED, free_binder_device=None), False),
    ],
)
def test_embedded_devices_alone_take_java(facts: Facts, takes: bool) -> None:
    assert facts.takes_java is takes
    assert Need.JAVA.met_by(facts) is takes


@pytest.mark.parametrize(
    ("need", "facts", "put"),
    [
        (Need.JAVA, EMBEDDED, True),
        (Need.JAVA, WITH_JAVA, False),
        (Need.FRAMEWORK_CODE, EMBEDDED, True),
        (Need.FRAMEWORK_CODE, STAND_IN, True),
        (Need.FRAMEWORK_CODE, PHONE, False),
        (Need.TRACING, EMBEDDED, False),
    ],
)
def test_java_is_put_where_nothing_else_has_the_code(need: Need, facts: Facts, put: bool) -> None:
    assert java_is_put([Need.ROOT, need], facts) is put


def test_a_phone_gets_none() -> None:
    with pytest.raises(FacilityMissingError, match=r"needs AOSP's framework in Java: .* target `embedded`"):
        prepare_java(cast(Any, FakeDevice(PHONE)))


def test_java_in_the_image_is_started_as_it_is() -> None:
    shell, option, line = command_at(JavaPlace(10, "", BINDER))
    assert (shell, option) == ("sh", "-c")
    assert line.startswith("cd /system/java && exec bin/java ")


def test_a_process_sees_another_binder_device_in_the_place_of_its_own() -> None:
    *start, line = command_at(JavaPlace(10, "", "/dev/vndbinder"))
    assert start == ["unshare", "-m", "sh", "-c"]
    assert line.startswith("mount --bind /dev/vndbinder /dev/binder && cd /system/java && ")


def test_java_that_was_put_there_sees_its_directory_as_the_root() -> None:
    *start, line = command_at(JavaPlace(10, "/data/java", "/dev/vndbinder"))
    assert start == ["unshare", "-m", "sh", "-c"]
    steps = line.split(" && ")
    assert steps[:4] == [
        "mount --bind /dev/vndbinder /dev/binder",  # before /dev, which then is the same with it
        "mount --rbind /dev /data/java/dev",
        "mount --rbind /proc /data/java/proc",
        "mount --rbind /system/bin /data/java/system/bin",
    ]
    assert steps[4].startswith("exec chroot /data/java /system/bin/sh -c 'cd /system/java")


def test_verdicts_name_a_service_manager_of_java_s_own() -> None:
    assert provenance(10) == "AOSP's Java of Android 10 on OpenJDK"
    assert provenance(10, "/dev/vndbinder") == (
        "AOSP's Java of Android 10 on OpenJDK and Android 10's servicemanager on /dev/vndbinder"
    )


def claim_of_java() -> Claim:
    def confirmed(m: Measured, _: Facts) -> Finding:
        return Finding.whether(m.number == 7, "measured")

    return dataclasses.replace(
        make_claim("limit.of-java", lambda _: Measured(7), confirmed), needs=(Need.JAVA,)
    )


def test_java_is_put_before_a_claim_is_tested_and_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared: list[object] = []
    monkeypatch.setattr(place, "prepare_java", prepared.append)
    device = cast(Any, FakeDevice(EMBEDDED))

    result = judge(claim_of_java(), device, java=False)
    assert result.verdict is Verdict.NOT_TESTABLE
    assert result.reason.endswith("in a run in which the claim is named, or with --java.")
    assert prepared == []

    assert judge(claim_of_java(), device).verdict is Verdict.CONFIRMED
    assert prepared == [device]


def test_where_java_cannot_be_built_other_claims_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def no_jdk(*arguments: object) -> None:
        tried.append(arguments)
        raise SetupError("The mirror has no package openjdk-17-jre-headless.")

    monkeypatch.setattr(place, "java_roots", no_jdk)
    device = cast(Any, FakeDevice(EMBEDDED))
    device.architecture = None
    for _ in range(2):
        result = judge(claim_of_java(), device)
        assert result.verdict is Verdict.ERROR
        assert result.reason == "The mirror has no package openjdk-17-jre-headless."
    assert len(tried) == 1
    assert judge(CLAIMS_BY_ID["mmap.once"], device).verdict is Verdict.CONFIRMED


def test_too_little_memory_is_said_before_anything_is_put(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    root = tmp_path / "java-agent" / "root"
    root.mkdir(parents=True)
    (root / "modules").write_bytes(bytes(1 << 20))
    monkeypatch.setattr(place, "java_roots", lambda *_: (root,))
    meminfo = f"MemTotal: 200000 kB\nMemAvailable: {64 << 10} kB\n"
    device = cast(Any, FakeDevice(EMBEDDED))
    device.architecture, device.directory = None, "/data"
    device.controller = SimpleNamespace(target="embedded?memory=192")
    device.files = SimpleNamespace(exists=lambda _: False, read_text=lambda _: meminfo)
    with pytest.raises(FacilityMissingError) as raised:
        prepare_java(device)
    assert str(raised.value) == (
        "needs 65 MiB of memory for AOSP's Java: embedded?memory=192 has 64 MiB free. "
        "It can be tested on that target with memory=384 or more."
    )
