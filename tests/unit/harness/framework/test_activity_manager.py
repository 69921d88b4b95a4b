from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import FacilityMissingError
from harness.binder.abi.objects import Node
from harness.binder.errors import ParcelError, RemoteError, TransactionTooLargeError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.framework.activity_manager import (
    ActivityManager,
    BroadcastResult,
    IntentTooLargeError,
    NativeReceiverRefusedError,
    ReceivedBroadcast,
    read_broadcast,
)
from harness.framework.dialect import CodeSource, Dialect
from harness.framework.intent import USER_CURRENT, Intent, IntentFilter, read_intent, write_intent
from harness.framework.layout import ANDROID_13
from harness.framework.transaction_codes import ACTIVITY_MANAGER_CODES, code_names, code_names_of

RECEIVER = Node(0x1000, 1)


class FakeThread:
    """Records what it sends, and returns the given reply."""

    def __init__(self, reply: Parcel | Exception) -> None:
        self.reply = reply
        self.sent: list[tuple[int, int, Parcel]] = []
        self.process = SimpleNamespace(page_size=4096)

    def transact(self, handle: int, code: int, data: Parcel, **_: Any) -> ParcelReader:
        self.sent.append((handle, code, data))
        if isinstance(self.reply, Exception):
            raise self.reply
        return ParcelReader.of(self.reply)


def manager(reply: Parcel | Exception, dialect: Dialect | None = None) -> tuple[ActivityManager, FakeThread]:
    thread = FakeThread(reply)
    return ActivityManager(cast(Any, thread), 7, dialect or Dialect.of_release(11)), thread


ANDROID_16 = Dialect(
    16,
    replace(
        ANDROID_13,
        extended_flags=True,
        original_intent=True,
        creator_token=True,
        bundles_flag_intents=True,
    ),
    {"broadcastIntentWithFeature": 26},
    CodeSource.FRAMEWORK_JAR,
)


@pytest.mark.parametrize(
    ("dialect", "code", "arrays"),
    [
        (Dialect.of_release(10), 12, 1),
        (Dialect.of_release(11), 15, 1),
        (Dialect.of_release(12), 16, 2),
        (Dialect.of_release(13), 16, 3),
        (ANDROID_16, 26, 3),
    ],
)
def test_a_broadcast_in_the_arguments_of_each_release(dialect: Dialect, code: int, arrays: int) -> None:
    layout = dialect.layout
    activity, thread = manager(Parcel(layout.wire).no_exception().int32(0), dialect)
    intent = Intent(action="a.B", extras={"data": "x"})
    receiver = RECEIVER if dialect.has_native_receivers else None
    assert (
        activity.broadcast(intent, ordered=True, result_to=receiver, result=BroadcastResult(code=5, data="d"))
        == 0
    )
    ((handle, sent_code, data),) = thread.sent
    assert (handle, sent_code) == (7, code)
    reader = ParcelReader.of(data)
    assert reader.interface_token() == "android.app.IActivityManager"
    assert reader.binder() is None
    assert not dialect.has_features or reader.string16() is None
    assert reader.int32() == 1
    assert read_intent(reader, layout=layout) == intent
    assert (reader.string16(), reader.binder(), reader.int32(), reader.string16()) == (None, receiver, 5, "d")
    assert reader.int32() == 0
    assert [reader.string16_array() for _ in range(arrays)] == [None] * arrays
    assert [reader.int32() for _ in range(5)] == [-1, 0, 1, 0, -2]
    assert reader.remaining == 0


@pytest.mark.parametrize(
    ("release", "strings", "words", "flags"), [(10, 0, 11, 0), (11, 1, 14, 0), (12, 2, 14, 0), (13, 2, 14, 2)]
)
def test_a_receiver_is_registered_in_the_arguments_of_each_release(
    release: int, strings: int, words: int, flags: int
) -> None:
    dialect = Dialect.of_release(release)
    sticky = Parcel(dialect.layout.wire).no_exception().int32(1)
    write_intent(sticky, Intent(action="a.B"))
    activity, thread = manager(sticky, dialect)
    assert activity.register_receiver(RECEIVER, IntentFilter(actions=("a.B",))) == Intent(action="a.B")
    reader = ParcelReader.of(thread.sent[0][2])
    reader.interface_token()
    assert (reader.binder(), reader.string16()) == (None, "com.android.shell")
    assert [reader.string16() for _ in range(strings)] == [None] * strings
    assert (reader.node(), reader.int32(), reader.string16_array()) == (RECEIVER, 1, ["a.B"])
    assert [reader.int32() for _ in range(words)] == [0] * words, "of the filter"
    assert (reader.string16(), reader.int32(), reader.int32()) == (None, USER_CURRENT, flags)
    assert reader.remaining == 0


def test_what_the_activity_manager_refuses() -> None:
    activity, _ = manager(Parcel(WireFormat.ANDROID_11).exception(RemoteError(-1, "not allowed")))
    with pytest.raises(RemoteError, match="not allowed"):
        activity.broadcast(Intent(action="a.B"))


def test_an_intent_that_is_too_large_is_measured() -> None:
    activity, _ = manager(TransactionTooLargeError(2000))
    with pytest.raises(IntentTooLargeError, match="limit is 1,040,384") as caught:
        activity.broadcast(Intent(action="a.B", extras={"data": bytes(1000)}))
    assert (caught.value.call_size, caught.value.limit) == (2000, 1_040_384)
    assert 1000 < caught.value.intent_size < 1200


def test_releases_for_which_the_table_is_insufficient() -> None:
    with pytest.raises(FacilityMissingError, match=r"Android 14 .*framework\.jar.* 10 to 13.*cmd activity"):
        Dialect.of_release(14)


def test_from_14_on_a_native_process_sends_but_receives_nothing() -> None:
    activity, thread = manager(Parcel().no_exception().int32(0), ANDROID_16)
    with pytest.raises(
        NativeReceiverRefusedError,
        match="On Android 16 a native process can send broadcasts, but not receive them",
    ):
        activity.register_receiver(RECEIVER, IntentFilter(actions=("a.B",)))
    with pytest.raises(NativeReceiverRefusedError):
        activity.broadcast(Intent(action="a.B"), ordered=True, result_to=RECEIVER)
    assert thread.sent == []
    assert activity.broadcast(Intent(action="a.B")) == 0


def test_the_broadcast_that_a_receiver_gets() -> None:
    parcel = Parcel(WireFormat.ANDROID_11).int32(1)
    write_intent(parcel, Intent(action="a.B"))
    parcel.int32(3).string16("d").int32(0).boolean(True).boolean(False).int32(0)
    received = read_broadcast(ParcelReader.of(parcel))
    assert received == ReceivedBroadcast(
        Intent(action="a.B"), BroadcastResult(code=3, data="d"), True, False, 0, parcel.size
    )


@given(st.binary(max_size=200))
def test_a_malformed_broadcast_is_a_parcel_error(data: bytes) -> None:
    try:
        assert isinstance(read_broadcast(ParcelReader(data, wire=WireFormat.ANDROID_11)), ReceivedBroadcast)
    except ParcelError:
        return


def test_names_of_codes() -> None:
    assert code_names("android.app.IActivityManager", 15) == "broadcastIntentWithFeature"
    assert (
        code_names_of(10, ACTIVITY_MANAGER_CODES[10])("android.app.IActivityManager", 12) == "broadcastIntent"
    )
    assert code_names("android.os.IServiceManager", 2) == "checkService"
    assert code_names(None, int.from_bytes(b"_CMD", "big")) == "SHELL_COMMAND_TRANSACTION"
    assert code_names("unknown", 1) is None
