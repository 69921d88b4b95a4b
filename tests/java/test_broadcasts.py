"""ContextImpl sends broadcasts, registers receivers and binds services, through a stand-in in Java."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.device.device import Device
from harness.framework.intent import ComponentName, Intent
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java

ACTION = "com.example.broadcast.MY_NOTIFICATION"
NOTICE = Intent(action=ACTION, extras={"data": "Notice me senpai!"})
SERVICE = ComponentName("com.example", "com.example.Counter")
COUNTER = "com.example.ICounter"


@pytest.fixture(scope="module", autouse=True)
def _activity_manager(device: Device) -> Iterator[None]:
    with open_java(device) as opened:
        opened.serve_activity_manager()
        yield


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


def test_the_chain_of_send_broadcast(sender: JavaProcess, receiver: JavaProcess) -> None:
    """The first broadcast looks the activity manager up, the second does not."""
    sender.send_broadcast(NOTICE)
    first = [methods(call.stack) for call in sender.last_calls]
    sender.send_broadcast(NOTICE)
    second = [methods(call.stack) for call in sender.last_calls]

    lookup, call = first
    assert lookup[:6] == [
        "android.os.BinderProxy.transact",
        "android.os.ServiceManagerProxy.getService",
        "android.os.ServiceManager.rawGetService",
        "android.os.ServiceManager.getService",
        "android.app.ActivityManager$1.create",
        "android.app.ActivityManager$1.create",
    ]
    assert call[:3] == [
        "android.os.BinderProxy.transact",
        "android.app.IActivityManager$Stub$Proxy.broadcastIntent",
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
