"""Broadcasts and bound services through an activity manager: a stand-in where there is no framework."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any, cast

import adbutils
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.binder import Call, Parcel
from harness.binder.errors import HandlerError, ParcelError, RemoteError, StatusError
from harness.binder.pair import reply_nothing
from harness.binder.parcels.status import ExceptionCode
from harness.device.device import Device
from harness.framework.activity_manager import (
    BROADCAST_FAILED_USER_STOPPED,
    USER_ALL,
    ActivityManager,
    BroadcastResult,
    IntentTooLargeError,
    ReceivedBroadcast,
)
from harness.framework.bound_service import open_application, open_bound_service
from harness.framework.bundle import Bundle, Float, IntArray, Long, Value
from harness.framework.dumps.broadcasts import DeliveryState
from harness.framework.history import broadcast_history, service_bindings
from harness.framework.intent import ComponentName, Intent, write_intent
from harness.framework.receiver import Sender, open_receiver, open_sender
from harness.framework.sending import send_broadcast, shell_broadcast
from harness.framework.standin import Framework, open_framework

ACTION = "com.example.broadcast.MY_NOTIFICATION"
NOTICE = Intent(action=ACTION, extras={"data": "Notice me senpai!"})
SECONDS = 10.0
SHORT = 0.5
pytestmark = pytest.mark.usefixtures("framework")

SERVICE = ComponentName("com.example", "com.example.Echo")


@pytest.fixture(scope="module")
def framework(device: Device) -> Iterator[Framework]:
    with open_framework(device, receiver_seconds=1.0) as opened:
        yield opened


@pytest.fixture
def sender(device: Device) -> Iterator[Sender]:
    with open_sender(device) as opened:
        yield opened


def test_the_document_s_example_reaches_another_process(device: Device, sender: Sender) -> None:
    with open_receiver(device, ACTION) as receiver:
        assert sender.send(NOTICE) == 0
        received = receiver.next(Deadline(SECONDS))
    assert received.intent.action == ACTION
    assert received.intent.extras == {"data": "Notice me senpai!"}
    assert (received.ordered, received.sticky, received.user) == (False, False, 0)


COMMAND = f"cmd activity broadcast -a {ACTION} --es data 'Notice me senpai!'"


def test_the_shell_s_command_reaches_a_handler_in_python(device: Device) -> None:
    notices: list[ReceivedBroadcast] = []
    with open_receiver(device, ACTION, on_receive=notices.append):
        assert "Broadcast completed: result=0" in device.shell(COMMAND)
    assert [notice.intent.extras for notice in notices] == [{"data": "Notice me senpai!"}]


def test_what_the_adb_program_sends_reaches_python(device: Device) -> None:
    adb = [adbutils.adb_path(), "-s", device.serial, "shell"]
    with open_receiver(device, ACTION) as receiver:
        sent = subprocess.run([*adb, COMMAND], check=True, capture_output=True, text=True, timeout=30)
        notice = receiver.next()
    assert "Broadcast completed: result=0" in sent.stdout
    assert (notice.intent.action, notice.intent.extras) == (ACTION, {"data": "Notice me senpai!"})


def test_a_broadcast_by_the_route_that_the_device_supports(device: Device) -> None:
    extras: Bundle = {"what the shell has no option for": IntArray([1, 2])}
    with open_receiver(device, ACTION, on_receive=lambda _: BroadcastResult(code=7, data="seen")) as receiver:
        assert send_broadcast(device, Intent(action=ACTION, extras=extras)) == BroadcastResult(
            code=7, data="seen"
        )
        assert receiver.next().intent.extras == extras


def test_a_broadcast_from_the_shell_reaches_python(device: Device) -> None:
    intent = Intent(
        action=ACTION, extras={"data": "Notice me senpai!", "n": 7, "l": Long(1 << 40), "z": True}
    )
    with open_receiver(device, ACTION) as receiver:
        assert shell_broadcast(device, intent).code == 0
        received = receiver.next(Deadline(SECONDS))
    assert received.intent.extras == intent.extras
    assert received.ordered, "the shell's broadcasts are"


def test_an_ordered_broadcast_is_delivered_by_priority(device: Device, sender: Sender) -> None:
    def answer(name: str, *, abort: bool = False) -> BroadcastResult:
        return BroadcastResult(code=len(name), data=name, extras={"by": name}, abort=abort)

    def second(received: ReceivedBroadcast) -> BroadcastResult:
        assert received.result.data == "first"
        return answer("second", abort=True)

    with (
        open_receiver(device, ACTION, priority=10, on_receive=lambda _: answer("first")),
        open_receiver(device, ACTION, priority=5, on_receive=second),
        open_receiver(device, ACTION, on_receive=lambda _: answer("third")),
    ):
        result = sender.send_ordered(NOTICE, Deadline(SECONDS), result=BroadcastResult(code=1, data="start"))
    assert result == BroadcastResult(code=6, data="second", extras={"by": "second"})
    states = [delivery.state for delivery in broadcast_history(device)[0].deliveries]
    assert states == [DeliveryState.DELIVERED, DeliveryState.DELIVERED, DeliveryState.SKIPPED]


def test_extras_of_many_types_arrive_as_they_were(device: Device, sender: Sender) -> None:
    extras: Bundle = {"array": IntArray([1, 2]), "inner": {"list": [None, "x", 1.5]}, "bytes": b"\0\1"}
    with open_receiver(device, ACTION) as receiver:
        sender.send(Intent(action=ACTION, extras=extras))
        assert receiver.next(Deadline(SECONDS)).intent.extras == extras


def test_a_broadcast_without_a_receiver(device: Device, sender: Sender) -> None:
    unknown = Intent(action="com.example.UNKNOWN")
    assert sender.send_ordered(unknown, Deadline(SECONDS), result=BroadcastResult(code=3)) == BroadcastResult(
        code=3
    )
    record = broadcast_history(device)[0]
    assert (record.action, record.deliveries) == ("com.example.UNKNOWN", ())


def test_a_receiver_that_never_finishes_is_skipped(device: Device, sender: Sender) -> None:
    forever = threading.Event()

    def wait(_: ReceivedBroadcast) -> None:
        forever.wait(SECONDS)

    with (
        open_receiver(device, ACTION, priority=1, on_receive=wait),
        open_receiver(device, ACTION) as receiver,
    ):
        sender.send_ordered(NOTICE, Deadline(SECONDS))
        receiver.next(Deadline(SECONDS))
        forever.set()
    states = [delivery.state for delivery in broadcast_history(device)[0].deliveries]
    assert states == [DeliveryState.TIMEOUT, DeliveryState.DELIVERED]


def test_a_receiver_that_throws_dies_and_is_skipped(device: Device, sender: Sender) -> None:
    def throw(_: ReceivedBroadcast) -> None:
        raise ValueError("as asked")

    with contextlib.ExitStack() as stack:
        stack.enter_context(open_receiver(device, ACTION, priority=1, on_receive=throw))
        with open_receiver(device, ACTION) as receiver:
            sender.send_ordered(NOTICE, Deadline(SECONDS))
            receiver.next(Deadline(SECONDS))
        with pytest.raises(HandlerError, match="as asked"):
            stack.close()
    states = [delivery.state for delivery in broadcast_history(device)[0].deliveries]
    assert states == [DeliveryState.FAILURE, DeliveryState.DELIVERED]


def test_a_receiver_that_is_killed_meanwhile_is_skipped(device: Device, sender: Sender) -> None:
    def die(_: ReceivedBroadcast) -> None:
        first.binder.process.kill()

    with (
        open_receiver(device, ACTION, priority=1, on_receive=die) as first,
        open_receiver(device, ACTION) as receiver,
    ):
        sender.send_ordered(NOTICE, Deadline(SECONDS))
        receiver.next()
    states = [delivery.state for delivery in broadcast_history(device)[0].deliveries]
    assert states == [DeliveryState.FAILURE, DeliveryState.DELIVERED]


def test_a_broadcast_that_cannot_be_read_is_an_error_and_the_next_one_arrives(
    device: Device, sender: Sender
) -> None:
    manager = sender.manager
    data = Parcel(manager.wire).interface_token("android.app.IActivityManager").null_binder().string16(None)
    write_intent(data.int32(1), Intent(action=ACTION, extras={"data": "x"}))
    data.string16(None).null_binder().int32(0).string16(None).int32(0)
    data.string16_array(None).int32(-1).int32(0).boolean(False).boolean(False).int32(0)
    count = b"BNDL" + (1).to_bytes(4, "little")
    damaged = Parcel(manager.wire).raw(data.data.replace(count, b"BNDL\xff\xff\xff\x7f"))
    with open_receiver(device, ACTION) as receiver:
        code = manager.dialect.code("broadcastIntentWithFeature")
        manager.binder.main.transact(manager.handle, code, damaged).check_exception()
        with pytest.raises(ParcelError, match="a bundle of 2147483647 values"):
            receiver.next()
        sender.send(NOTICE)
        assert receiver.next().intent == NOTICE


def test_a_receiver_that_returns_something_else_gets_an_error(device: Device, sender: Sender) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(open_receiver(device, ACTION, on_receive=cast(Any, lambda _: "received")))
        sender.send_ordered(NOTICE, Deadline(SECONDS))
        with pytest.raises(
            HandlerError, match="'received', of type str: it has to return a BroadcastResult or None"
        ):
            stack.close()


def test_a_dead_receiver_is_no_longer_registered(device: Device, sender: Sender) -> None:
    with open_receiver(device, ACTION):
        sender.send_ordered(NOTICE, Deadline(SECONDS))
        assert len(broadcast_history(device)[0].deliveries) == 1
    Deadline(SECONDS).poll(
        lambda: f'Action: "{ACTION}"' not in device.shell("dumpsys activity broadcasts"), "the receiver's end"
    )
    sender.send_ordered(NOTICE, Deadline(SECONDS))
    assert broadcast_history(device)[0].deliveries == ()


def test_an_unregistered_receiver_receives_nothing(device: Device, sender: Sender) -> None:
    with open_receiver(device, ACTION) as receiver:
        receiver.manager.unregister_receiver(receiver.node)
        sender.send_ordered(NOTICE, Deadline(SECONDS))
        with pytest.raises(TimeoutError, match="Was it sent"):
            receiver.next(Deadline(SHORT))


def test_users_and_packages(device: Device, sender: Sender) -> None:
    with open_receiver(device, ACTION, package="com.example") as receiver:
        assert sender.send(NOTICE, user=USER_ALL) == 0
        assert receiver.next(Deadline(SECONDS)).user == USER_ALL
        assert sender.send(NOTICE, user=77) == BROADCAST_FAILED_USER_STOPPED
        sender.send_ordered(Intent(action=ACTION, package="com.other"), Deadline(SECONDS))
        assert broadcast_history(device)[0].deliveries == ()
        sender.send_ordered(Intent(action=ACTION, package="com.example"), Deadline(SECONDS))
        assert len(broadcast_history(device)[0].deliveries) == 1


@pytest.mark.parametrize(
    ("uid", "intent", "user", "message"),
    [
        (10001, Intent(action="android.intent.action.BOOT_COMPLETED"), 0, "not allowed to send broadcast"),
        (10001, NOTICE, USER_ALL, "INTERACT_ACROSS_USERS_FULL"),
    ],
)
def test_refusals_are_exceptions_in_the_reply(
    device: Device, uid: int, intent: Intent, user: int, message: str
) -> None:
    with open_sender(device, uid=uid) as other, pytest.raises(RemoteError, match=message) as caught:
        other.manager.broadcast(intent, user=user)
    assert caught.value.code == ExceptionCode.EX_SECURITY


def test_a_malformed_call_is_refused_and_the_next_one_works(sender: Sender) -> None:
    manager = sender.manager
    code = manager.dialect.code("broadcastIntentWithFeature")
    start = Parcel(manager.wire).interface_token("android.app.IActivityManager").null_binder().string16(None)
    for rest in (b"", b"\1\0\0\0", b"\1\0\0\0" + b"\xff\xff\xff\x7f" * 40, bytes(400)):
        data = Parcel(manager.wire).raw(start.data + rest)
        with pytest.raises(RemoteError, match="cannot read"):
            manager.binder.main.transact(manager.handle, code, data).check_exception()
    assert sender.send(NOTICE) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_calls_leave_the_activity_manager_as_it_was(sender: Sender, data: st.DataObject) -> None:
    manager = sender.manager
    whole = Parcel(manager.wire).interface_token("android.app.IActivityManager")
    start = whole.size
    write_intent(whole.null_binder().string16(None).int32(1), NOTICE)
    whole.string16(None).null_binder().int32(0).string16(None).int32(0).string16_array(None)
    damaged = bytearray(whole.int32(-1).int32(0).boolean(False).boolean(False).int32(0).data)
    for place in data.draw(st.lists(st.integers(start, len(damaged) - 1), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(start, len(damaged))) :]
    call = Parcel(manager.wire).raw(bytes(damaged))
    with contextlib.suppress(RemoteError):
        code = manager.dialect.code("broadcastIntentWithFeature")
        manager.binder.main.transact(manager.handle, code, call).check_exception()
    assert sender.send(NOTICE) == 0


OPTIONS: list[tuple[str, Value]] = [
    ("--es x hello", "hello"),
    ("-e x -5", "-5"),
    ("--esn x", None),
    ("--ei x -7", -7),
    ("--ei x +0x10", 16),
    ("--ei x 010", 8),
    ("--ei x '#ff'", 255),
    ("--ei x -2147483648", -(1 << 31)),
    ("--el x 010", Long(10)),
    ("--el x 9223372036854775807", Long((1 << 63) - 1)),
    ("--ef x -1.5e3", Float(-1500)),
    ("--ef x -Infinity", Float("-inf")),
    ("--ez x True", True),
    ("--ez x f", False),
    ("--ez x 0x2", True),
    ("--ei x 1 --es x twice", "twice"),
]


@pytest.mark.parametrize(("options", "extra"), OPTIONS)
def test_the_shell_s_extras(device: Device, options: str, extra: Value) -> None:
    with open_receiver(device, ACTION) as receiver:
        device.shell(f"am broadcast -a{ACTION} {options}")
        extras = receiver.next().intent.extras
    assert extras == {"x": extra}
    assert extras is not None
    assert type(extras["x"]) is type(extra)


def test_the_shell_s_fields(device: Device) -> None:
    with open_receiver(device, ACTION, package="com.example") as receiver:
        device.shell(f"am broadcast -a {ACTION} -f 0x10000000 --user cur -p com.example")
        received = receiver.next()
    assert (received.intent.flags, received.intent.package, received.user) == (0x10400000, "com.example", 0)
    for words, shown in (
        ("-t text/plain -n com.example/.Echo", "typ=text/plain flg=0x400000 cmp=com.example/.Echo"),
        (f"-a {ACTION} com.other others", f"act={ACTION} flg=0x400000 pkg=com.other"),
        ("com.example/com.Echo", "act=android.intent.action.MAIN cat=[android.intent.category.LAUNCHER]"),
        ("-d content://a/b -c A -c B -c A", "cat=[A] cat=[B] dat=content://a/b"),
    ):
        assert f"Broadcasting: Intent {{ {shown}" in device.shell(f"am broadcast {words}")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("--nonsense 1", 255, "IllegalArgumentException: Unknown option: --nonsense"),
        ("-a", 255, 'IllegalArgumentException: Argument expected after "-a"'),
        ("-a X --ei n", 255, 'IllegalArgumentException: Argument expected after "n"'),
        ("--ei n 1", 255, "IllegalArgumentException: No intent supplied"),
        ("-a X --ei n notanumber", 255, 'NumberFormatException: For input string: "notanumber"'),
        ("-a X --ei n 2147483648", 255, 'NumberFormatException: For input string: "2147483648"'),
        ("-a X --ei n ' 1'", 255, 'NumberFormatException: For input string: " 1"'),
        ("-a X --ei n --5", 255, 'NumberFormatException: For input string: "--5"'),
        ("-a X --ei n ''", 255, 'NumberFormatException: For input string: ""'),
        ("-a X --el n 0x10", 255, 'NumberFormatException: For input string: "0x10"'),
        ("-a X --el n 9223372036854775808", 255, "NumberFormatException: For input string: "),
        ("-a X --ef n 1.5.", 255, 'NumberFormatException: For input string: "1.5."'),
        ("-a X --ef n nan", 255, 'NumberFormatException: For input string: "nan"'),
        ("-a X -f 0x", 255, 'NumberFormatException: For input string: "0x"'),
        ("-a X --ez n Yes", 255, "IllegalArgumentException: Invalid boolean value: yes"),
        ("-a X --user me", 255, "IllegalArgumentException: Bad user number: me"),
        ("-n com.example", 255, "IllegalArgumentException: Bad component name: com.example"),
        ("-a X --eu n a:b", 255, "UnsupportedOperationException: the stand-in does not take --eu: "),
        ("-a X --ecn n a/b", 255, "UnsupportedOperationException: the stand-in does not take --ecn: "),
        ("-a X --eial n 1,2", 255, "UnsupportedOperationException: the stand-in does not take --eial: "),
        ("-a X --receiver-permission p", 255, "--receiver-permission: there are no permissions here"),
        ("-a X --receiver-foreground", 255, "--receiver-foreground: give the flag's number to -f"),
        ("-a X intent:#Intent;end", 255, "reads no Intent from the URI intent:#Intent;end"),
        ("-a X --user 77", 1, "user 77 is stopped"),
    ],
)
def test_what_the_shell_s_command_refuses(device: Device, arguments: str, status: int, message: str) -> None:
    refused = device.run(f"am broadcast {arguments.replace(';', chr(92) + ';')}")
    assert message in refused.errors
    assert refused.status == status
    assert "Broadcast completed" not in refused.output
    if status == 255:
        assert refused.errors.startswith("\nException occurred while executing 'broadcast':\njava.lang.")


def test_another_interface_and_an_unknown_code(sender: Sender) -> None:
    manager = sender.manager
    wrong = Parcel(manager.wire).interface_token("android.app.IOther")
    with pytest.raises(RemoteError, match="incorrect interface"):
        manager.binder.main.transact(manager.handle, 15, wrong).check_exception()
    right = Parcel(manager.wire).interface_token("android.app.IActivityManager")
    with pytest.raises((RemoteError, StatusError)):
        manager.binder.main.transact(manager.handle, 9999, right).check_exception()


def test_an_error_of_a_too_large_intent_has_its_size_and_the_limit(device: Device, sender: Sender) -> None:
    with pytest.raises(IntentTooLargeError) as caught:
        sender.send(Intent(action=ACTION, extras={"data": bytes(1_100_000)}))
    error = caught.value
    assert 1_100_000 < error.intent_size < error.call_size < 1_101_000
    assert error.limit == 1024 * 1024 - 2 * device.facts.page_size
    assert re.search(rf"{error.intent_size:,} bytes.*limit is {error.limit:,}", str(error))
    assert sender.send(NOTICE) == 0, "the next one works"


def test_a_service_is_asked_once_and_its_object_is_stored(device: Device) -> None:
    def echo(call: Call) -> Parcel:
        return Parcel(call.wire).no_exception().int32(call.data.int32() + 1)

    with (
        open_bound_service(device, SERVICE, "com.example.IEcho", echo) as service,
        open_application(device) as first,
        open_application(device) as second,
    ):
        for client in (first, second):
            assert client.bind(SERVICE) is not None
            connected = client.connected(Deadline(SECONDS))
            assert connected.component == SERVICE
            assert connected.handle is not None
            data = Parcel(client.manager.wire).interface_token("com.example.IEcho").int32(41)
            assert client.binder.transact(connected.handle, 1, data).check_exception().int32() == 42
        assert [intent.component for intent in service.bound] == [SERVICE]
        (record,) = service_bindings(device)
        assert (record.service, record.received, record.clients) == (str(SERVICE), True, 2)


def test_a_service_that_never_answers_and_one_that_dies(device: Device) -> None:
    with open_application(device) as silent, open_application(device) as client:
        device.shell(["cmd", "activity", "host-service", str(SERVICE), str(silent.pid)])
        assert client.bind(SERVICE) is not None
        with pytest.raises(TimeLimitError, match="has not published what onBind returned"):
            client.connected(Deadline(SHORT))
        silent.binder.process.kill()
        Deadline(SECONDS).poll(lambda: client.bind(SERVICE) is None, "the service's end")
    assert service_bindings(device) == ()


def test_binding_what_is_not_there_or_by_whom_is_not_attached(device: Device) -> None:
    with open_application(device) as client:
        assert client.bind(ComponentName("com.example", "com.example.Missing")) is None
        stranger = client.binder.add_node(reply_nothing)
        with pytest.raises(RemoteError, match="Unable to find app for caller"):
            client.manager.bind_service(stranger, Intent(component=SERVICE), stranger)


def test_the_service_is_notified_of_the_last_unbind(device: Device) -> None:
    with (
        open_bound_service(device, SERVICE, "com.example.IEcho", reply_nothing) as service,
        open_application(device) as client,
    ):
        connection = client.bind(SERVICE)
        assert connection is not None
        client.connected(Deadline(SECONDS))
        assert client.manager.unbind_service(connection)
        Deadline(SECONDS).poll(lambda: bool(service.unbound), "onUnbind")
        assert not client.manager.unbind_service(connection)


def test_the_activity_manager_is_found_by_its_name(device: Device, sender: Sender) -> None:
    assert sender.manager.release == 11
    assert ActivityManager.find(device, sender.binder).handle == sender.manager.handle
    assert "activity" in device.shell("service list")
