"""AOSP's Java on devices that do not have it in their image: it is put there when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.build.java.release import JAVA_RELEASES
from harness.binder.pair import reply_nothing
from harness.binder.services.service import open_service
from harness.device.device import Device, open_device
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from harness.experiments.core.loading import load_claims
from harness.framework.intent import Intent
from harness.framework.java.place import COMPLETE, prepare_java
from harness.framework.java.process import open_java, open_java_processes
from harness.recording.record import record_transactions

load_claims()
OF_JAVA = ("limit.java-exception", "service.cache", "service.slow-log")


@pytest.fixture(scope="module")
def plain() -> Iterator[Device]:
    """A device whose image has no Java, and the service manager of another release."""
    with open_device("embedded") as opened:
        yield opened


@pytest.mark.parametrize("id_", OF_JAVA)
def test_a_claim_is_judged_on_a_device_without_java(plain: Device, id_: str) -> None:
    assert judge(CLAIMS.all()[id_], plain, java=False).verdict is Verdict.NOT_TESTABLE

    result = judge(CLAIMS.all()[id_], plain)
    assert result.as_expected, result.explanation
    assert result.sentence.startswith("with AOSP's Java of Android 10 on OpenJDK")


def test_its_processes_share_a_service_manager_that_ends_with_the_last(plain: Device) -> None:
    running = plain.shell("pidof servicemanager servicemanager10 | wc -w")
    with open_java(plain) as first:
        node = first.place.node
        assert node == plain.facts.free_binder_device
        with open_java_processes(plain, 0, 2000) as (second, third):
            second.add_service("com.example.here", "com.example.IHere", {1: {"callers": True}})
            (binder,) = third.get_service("com.example.here")
            assert binder is not None
            reply = third.transact(binder, 1, "com.example.IHere")
            assert (reply.int32(), reply.int32()) == (third.pid, 2000)
        with open_service(plain, "com.example.python", reply_nothing, path=node):
            assert "com.example.python" in first.list_services()
    assert plain.shell("pidof servicemanager servicemanager10 | wc -w") == running


def test_a_broadcast_there_is_recorded_with_the_names_of_its_release(plain: Device) -> None:
    with open_java_processes(plain, 0, 0, 2000) as (manager, receiver, sender):
        manager.serve_activity_manager()
        receiver.register_receiver("com.example.HELLO")
        with record_transactions(plain) as record:
            sender.send_broadcast(Intent(action="com.example.HELLO"))
            assert receiver.received().intent.action == "com.example.HELLO"
    text = record.hops.caused_by(sender.pid).text()
    assert "IServiceManager.getService" in text
    assert "IActivityManager.broadcastIntent" in text


def test_what_was_put_there_in_part_is_put_there_again(plain: Device) -> None:
    root = prepare_java(plain)
    plain.shell(f"rmdir {root}/{COMPLETE} && : > {root}/system/java/agent.jar")
    with open_java(plain) as java:
        assert java.list_services() == []


def test_a_device_that_was_rolled_back_gets_it_again(plain: Device) -> None:
    prepare_java(plain)
    plain.rollback()
    with open_java(plain) as java:
        assert java.check_service("nothing") is None


@pytest.mark.parametrize("release", JAVA_RELEASES)
def test_the_service_manager_of_its_own_release_is_used(release: int) -> None:
    with open_device(f"embedded?userland={release}") as device, open_java(device) as java:
        assert java.place.release == release
        assert java.place.node == "/dev/binder"
        with device.service("com.example.python", reply_nothing):
            assert java.check_service("com.example.python") is not None


def test_nothing_is_left_on_an_attached_device(plain: Device) -> None:
    directory = "/data/local/tmp/binder-harness-attached"
    with open_device(f"adb:{plain.serial}") as attached:
        with open_java(attached) as java:
            assert java.place.root.startswith(f"{directory}/")
        assert plain.files.exists(java.place.root)
    assert not plain.files.exists(directory)
    assert plain.run(["pidof", "java"]).output == ""


def test_a_device_with_too_little_memory_names_what_it_takes() -> None:
    with open_device("embedded?memory=192") as device:
        result = judge(CLAIMS.get("service.cache"), device)
        assert result.verdict is Verdict.NOT_TESTABLE
        assert "with memory=384 or more" in result.reason
        assert judge(CLAIMS.get("mmap.once"), device).verdict is Verdict.CONFIRMED
