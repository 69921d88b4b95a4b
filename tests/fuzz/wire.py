"""Parsers of what a device sends: Binder's commands and parcels, and what the agents answer."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.base.errors import HarnessError
from emulator.base.lines import LineSplitter
from emulator.embedded.qemu.virtio_serial import RECEIVED_AT_ONCE, GuestProgram, VirtioPorts
from harness.agent import protocol
from harness.agent.files import names_in
from harness.agent.operations import Read, SystemCall
from harness.agent.protocol import Frame, FrameDecoder, FrameKind
from harness.agent.stream import AdbShellStream
from harness.agent.syscalls import SyscallNumber
from harness.binder.abi import commands, objects, returns
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.reports.netlink import parse_attributes, parse_messages, request
from harness.binder.reports.transaction_report import Attribute, parse_report
from harness.binder.services import wire
from harness.framework.activity_manager import BroadcastResult, read_broadcast
from harness.framework.bundle import Float, Long, LongArray, StringArray, read_bundle, write_bundle
from harness.framework.intent import ComponentName, Intent, Rect, read_component, read_intent, write_intent
from harness.framework.java.agent import read_answer
from harness.framework.java.values import (
    bundle_of,
    describe_bundle,
    describe_intent,
    describe_result,
    intent_of,
    result_of,
)
from harness.framework.uri import Uri, read_uri
from tests.fuzz.target import Target, name_of, text_target

OPERATIONS = (SystemCall(SyscallNumber.getpid), Read(4096, 8))
INTENT = Intent(
    action="a.b.C", data=Uri("content://a/b"), type="text/plain", extras={"key": [1, "two", True]}
)
JAVA_INTENT = Intent(
    action="a.b.C",
    data=Uri("content://a/b"),
    component=ComponentName("a.b", "a.b.D"),
    source_bounds=Rect(1, 2, 3, 4),
    categories=("a.b.E",),
    selector=Intent(package="a.b"),
    extras={
        "key": [Long(1), Float(0.5), 0.5, None, b"ab", LongArray((1,)), StringArray(("a",)), {"in": True}]
    },
)


def parcel_target(read: Callable[[ParcelReader], object], *seeds: Parcel) -> Target:
    """A reader of parcels; the first byte chooses the wire format."""
    formats = tuple(WireFormat)

    def parse(data: bytes) -> object:
        chosen = formats[data[0] % len(formats)] if data else formats[0]
        return read(ParcelReader(data[1:], range(0, len(data) & 12, 4), wire=chosen))

    inputs = tuple(bytes([formats.index(WireFormat.ANDROID_13)]) + seed.data for seed in seeds)
    return Target(name_of(read), parse, inputs or (bytes(64),))


def read_found(reader: ParcelReader) -> object:
    """An answer to a lookup."""
    return wire.read_found(wire.ANDROID_11, reader, in_union=True)


def frames(data: bytes) -> None:
    """Frames that arrive in two pieces, and what each means."""
    decoder = FrameDecoder()
    half = len(data) // 2
    for frame in (*decoder.feed(data[:half]), *decoder.feed(data[half:])):
        for decode in (
            protocol.decode_hello,
            protocol.decode_started,
            lambda frame: protocol.decode_results(frame, OPERATIONS),
        ):
            with contextlib.suppress(HarnessError, OSError):
                decode(frame)


def report(data: bytes) -> object:
    """A message with a report of a failed transaction."""
    return [parse_report(message.attributes) for message in parse_messages(data)]


def lines(data: bytes) -> None:
    """Lines that arrive in two pieces."""
    splitter = LineSplitter()
    half = len(data) // 2
    splitter.feed(data[:half])
    splitter.feed(data[half:])
    splitter.finish()


@contextlib.contextmanager
def _sent(data: bytes) -> Iterator[socket.socket]:
    """A socket from which this is received, and then the end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        theirs.sendall(data)
        theirs.close()
        yield ours


def shell_packets(data: bytes) -> None:
    """Packets of adb's shell protocol."""
    with _sent(data) as ours:
        stream = AdbShellStream(ours)
        while stream.receive(100):
            pass
        _ = stream.standard_error


def guest_output(data: bytes) -> None:
    """The output of a program on a virtio-serial port, and the channel server's answer after it."""
    boundary, rest = data[:16].ljust(16, b"\0"), data[16:]
    with _sent(rest) as ours:
        program = GuestProgram(VirtioPorts(0), ours, boundary)
        while program.receive(RECEIVED_AT_ONCE):
            pass


def java_target(read: Callable[[Mapping[str, Any]], object], value: Mapping[str, Any]) -> Target:
    """A reader of what the agent in Java describes, in its answer."""
    answer = json.dumps({"result": value, "calls": []})
    return Target(name_of(read), lambda data: read(_answered(data)), (answer.encode(),))


def _answered(data: bytes) -> Any:
    return read_answer(data.decode(errors="replace")).result


def _written(write: Callable[[Parcel], object]) -> Parcel:
    parcel = Parcel()
    write(parcel)
    return parcel


_ATTRIBUTES: dict[int, bytes] = dict.fromkeys(Attribute, b"\x11\x72\0\0")
_REPORT = request(32, 1, _ATTRIBUTES | {Attribute.CONTEXT: b"binder\0", Attribute.IS_REPLY: b""})
_THROWN = {"class": "a.B", "message": None, "stack": ["a.B.c(B.java:1)"]}
_RESULTS = protocol._RESULTS.pack(0, 0, 1) + protocol._ANSWER.pack(7, 0)

TARGETS = (
    Target(name_of(returns.parse), returns.parse, (returns.Noop().encode() * 2,)),
    Target(name_of(commands.parse), commands.parse, (commands.EnterLooper().encode(),)),
    Target(name_of(parse_report), report, (_REPORT,)),
    Target(name_of(parse_messages), parse_messages, (_REPORT,)),
    Target(name_of(parse_attributes), parse_attributes, (_REPORT[20:],)),
    Target(
        name_of(objects.all_objects),
        lambda data: objects.handles(data, range(0, max(0, len(data) - 4), 4)),
        (Parcel().handle(3).data,),
    ),
    Target(
        name_of(names_in), lambda data: list(names_in(data)), (bytes(16) + b"\x18\0\x04name\0",), (OSError,)
    ),
    Target(
        "harness.agent.protocol.FrameDecoder", frames, (Frame(FrameKind.RESULTS, 1, 2, _RESULTS).encode(),)
    ),
    Target("harness.agent.stream.AdbShellStream", shell_packets, (b"\x01\x02\0\0\0ab\x03\x01\0\0\0\x05",)),
    Target(
        "emulator.embedded.qemu.virtio_serial.GuestProgram",
        guest_output,
        (bytes(16) + b"output" + bytes(16) + b"\0\1\0\0\3\0\0\0err",),
    ),
    Target("emulator.base.lines.LineSplitter", lines, (b"one\r\ntwo\n\nthree",)),
    text_target(
        read_answer,
        '{"result": [1, null], "calls": [{"code": 1, "stack": ["a.B.c(B.java:1)"]}]}',
        json.dumps({"thrown": {**_THROWN, "cause": _THROWN}}),
    ),
    java_target(intent_of, describe_intent(JAVA_INTENT)),
    java_target(result_of, describe_result(BroadcastResult(code=1, data="a", extras=JAVA_INTENT.extras))),
    java_target(bundle_of, describe_bundle(JAVA_INTENT.extras or {})),
    parcel_target(read_intent, _written(lambda parcel: write_intent(parcel, INTENT))),
    parcel_target(read_bundle, _written(lambda parcel: write_bundle(parcel, INTENT.extras))),
    parcel_target(read_uri, Parcel().int32(0), Parcel().int32(1).string16("content://a")),
    parcel_target(read_component, Parcel().string16("a.b").string16("a.b.C")),
    parcel_target(read_broadcast, _written(lambda parcel: write_intent(parcel.int32(1), INTENT))),
    parcel_target(wire.read_name, Parcel().string16("activity")),
    parcel_target(read_found, Parcel().int32(0).handle(3)),
    *(
        Target(
            f"harness.binder.parcels.reader.ParcelReader.{method}",
            parcel_target(getattr(ParcelReader, method)).parse,
            (bytes(64), b"\0\2\0\0\0a\0b\0\0\0\0\0"),
        )
        for method in (
            *("string16", "string8", "byte_array", "int32_array", "int64_array", "string16_array"),
            *("boolean", "char", "float32", "float64", "check_exception", "binder"),
        )
    ),
)
