"""ContextImpl sends broadcasts, registers receivers and binds services, through a stand-in in Java."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.base.errors import TimeLimitError
from harness.device.device import Device
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import Bundle
from harness.framework.dumps.broadcasts import parse_broadcasts
from harness.framework.intent import ComponentName, Intent
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java, open_java_processes

ACTION = "com.example.broadcast.MY_NOTIFICATION"
NOTICE = Intent(action=ACTION, extras={"data": "Notice me senpai!"})
SERVICE = ComponentName("com.example", "com.example.Counter")
COUNTER = "com.example.ICounter"


@pytest.fixture(scope="module", autouse=True)
def manager(device: Device) -> Iterator[JavaProcess]:
    with open_java(device) as opened:
        # AOSP's queue of Android 6 compiles with the framework of Android 10 alone.
        assert opened.serve_activity_manager() == (6 if device.facts.java == 10 else None)
        yield opened


@pytest.fixture(scope="module")
def sender(device: Device) -> Iterator[JavaProcess]:
    with open_java(device, uid=2000) as opened:
        yield opened


@pytest.fixture(scope="module")
def receiver(device: Device) -> Iterator[JavaProcess]:
    with open_java(device) as opened:
        opened.register_receiver(ACTION)
        yield opened


def methods(stack: tuple[str, ...]) -> list[str]:
    return [frame.partition("(")[0] for frame in stack]


LOOKUP = {
    10: ["android.os.ServiceManagerProxy.getService"],
    14: ["android.os.IServiceManager$Stub$Proxy.checkService", "android.os.ServiceManagerProxy.getService"],
}
"""The methods by which ServiceManager asks the service manager, by the release of Java."""
BROADCAST = {10: "broadcastIntent", 14: "broadcastIntentWithFeature"}


def test_the_chain_of_send_broadcast(sender: JavaProcess, receiver: JavaProcess) -> None:
    """The first broadcast looks the activity manager up, the second does not."""
    sender.send_broadcast(NOTICE)
    first = [methods(call.stack) for call in sender.last_calls]
    sender.send_broadcast(NOTICE)
    second = [methods(call.stack) for call in sender.last_calls]

    lookup, call = first
    release = sender.place.release
    expected = [
        "android.os.BinderProxy.transact",
        *LOOKUP[release],
        "android.os.ServiceManager.rawGetService",
        "android.os.ServiceManager.getService",
        "android.app.ActivityManager$1.create",
        "android.app.ActivityManager$1.create",
    ]
    assert lookup[: len(expected)] == expected
    assert call[:3] == [
        "android.os.BinderProxy.transact",
        f"android.app.IActivityManager$Stub$Proxy.{BROADCAST[release]}",
        "android.app.ContextImpl.sendBroadcast",
    ]
    assert second == [call]
    for _ in range(2):
        receiver.received()


def test_on_receive_runs_on_the_main_thread(sender: JavaProcess, receiver: JavaProcess) -> None:
    sender.send_broadcast(NOTICE)

    received = receiver.received()

    assert received.intent == NOTICE
    assert received.thread == "main"
    assert methods(received.stack)[1].startswith("android.app.LoadedApk$ReceiverDispatcher$Args")


def test_a_protected_broadcast_is_a_security_exception(sender: JavaProcess) -> None:
    with pytest.raises(JavaError, match="Permission Denial: not allowed to send broadcast") as caught:
        sender.send_broadcast(Intent(action="android.intent.action.BOOT_COMPLETED"))

    assert caught.value.java_class == "java.lang.SecurityException"


def test_a_service_is_bound_once_for_two_clients(
    device: Device, sender: JavaProcess, receiver: JavaProcess
) -> None:
    receiver.offer_service(SERVICE, COUNTER)

    with open_java(device) as second:
        counts = []
        for client in (sender, second):
            assert client.bind_service(SERVICE)
            counts.append(client.transact(client.connected(), 1, COUNTER).int32())

    assert counts == [1, 2]
    assert receiver.binds == 1


def test_what_the_stand_in_does_not_have_says_so(sender: JavaProcess) -> None:
    (manager,) = sender.get_service("activity")
    assert manager is not None
    with pytest.raises(JavaError, match="The stand-in for the activity manager has no openContentUri"):
        sender.transact(manager, 1, "android.app.IActivityManager")


def test_an_ordered_broadcast_goes_by_priority_and_each_receiver_changes_its_result(
    device: Device, sender: JavaProcess
) -> None:
    """By BroadcastReceiver.PendingResult.finish, which calls IActivityManager.finishReceiver."""
    action = "com.example.ORDERED"
    extras: Bundle = {"list": [1, "two"]}
    with open_java(device) as last, open_java(device) as first:
        last.register_receiver(action, priority=-1, result=BroadcastResult(code=3, data="last"))
        first.register_receiver(action, priority=7, result=BroadcastResult(code=2, extras=extras))

        end = sender.send_ordered_broadcast(Intent(action=action), result=BroadcastResult(code=1, data="new"))

        assert first.received().result == BroadcastResult(code=1, data="new")
        assert last.received().result == BroadcastResult(code=2, extras=extras)
        assert end == BroadcastResult(code=3, data="last")
        sent = methods(sender.last_calls[-1].stack)
        assert sent[1:3] == [
            f"android.app.IActivityManager$Stub$Proxy.{BROADCAST[sender.place.release]}",
            "android.app.ContextImpl.sendOrderedBroadcast",
        ]


def test_an_aborted_broadcast_and_a_receiver_that_ended(device: Device, sender: JavaProcess) -> None:
    action = "com.example.ABORTED"
    with open_java(device) as never, open_java(device) as aborts:
        never.register_receiver(action)
        aborts.register_receiver(action, priority=1, result=BroadcastResult(code=5, abort=True))
        assert sender.send_ordered_broadcast(Intent(action=action)) == BroadcastResult(code=5)
        aborts.received()
        with pytest.raises(TimeLimitError, match="a broadcast in process"):
            never.received(0)  # whose turn would have been before the end
    assert sender.send_ordered_broadcast(Intent(action=action)) == BroadcastResult()


def test_who_unbinds_last_has_the_service_unbound_and_the_next_one_binds_anew(
    device: Device, sender: JavaProcess
) -> None:
    service = ComponentName("com.example", "com.example.Unbound")
    with open_java(device) as host, open_java(device) as second:
        host.offer_service(service, COUNTER)
        for client in (sender, second):
            assert client.bind_service(service)
            client.connected()
        sender.unbind_service(service)
        second.unbind_service(service)
        host.unbound()
        assert host.binds == 1
        assert second.bind_service(service)
        second.connected()
        assert host.binds == 2
        with pytest.raises(JavaError, match="has not bound"):
            sender.unbind_service(service)


@pytest.mark.parametrize("device", [10], indirect=True)
def test_the_history_that_aosps_queue_prints_is_read(
    manager: JavaProcess, sender: JavaProcess, receiver: JavaProcess
) -> None:
    """BroadcastQueue.dumpLocked of Android 6."""
    sender.send_ordered_broadcast(NOTICE)
    receiver.received()
    record = parse_broadcasts(manager.dump_broadcasts())[0]
    assert record.action == ACTION
    (delivery,) = record.deliveries
    assert f" {receiver.pid} " in delivery.receiver


def test_the_stand_in_s_own_queue_does_the_same(device: Device) -> None:
    """It serves where Debian's sources of AOSP's cannot be had."""
    action = "com.example.OWN"
    with open_java_processes(device, 0, 0, 0) as (manager, receiver, sender):
        assert manager.serve_activity_manager(own_queue=True) is None
        results = [BroadcastResult(code=2, data="low"), BroadcastResult(code=1, data="high")]
        for priority, result in enumerate(results):
            receiver.register_receiver(action, priority=priority, result=result)
        assert sender.send_ordered_broadcast(Intent(action=action)) == results[0]
        assert [receiver.received().result for _ in results] == [BroadcastResult(), results[1]]
        receiver.register_receiver(action, priority=2, result=BroadcastResult(code=3, abort=True))
        assert sender.send_ordered_broadcast(Intent(action=action)) == BroadcastResult(code=3)
        receiver.received()
        sender.send_broadcast(Intent(action=action))
        assert [receiver.received().result for _ in range(3)] == [None] * 3
