"""Parsers of files, and of what programs on a device or a host print."""

from __future__ import annotations

import dataclasses
import gzip
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from emulator.adb.listing import parse_listing
from emulator.base.errors import HarnessError, SetupError
from emulator.base.printable import printable
from emulator.embedded.kernel.image_format import read_kernel_image
from emulator.embedded.snapshot import _read_waiting
from emulator.kinds.cuttlefish.host import parse_host
from emulator.kinds.image_file import read_description
from emulator.kinds.local.survey import parse_survey
from emulator.kinds.sdk.avd import parse_ini
from emulator.target import parse_target
from harness.aosp_tests.googletest import read_output, read_report
from harness.experiments.core.json_values import parsed
from harness.experiments.core.time_limit import seconds_in
from harness.framework.intent import ComponentName
from harness.kernel.tracing.binder_transactions import End, Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.aidl import parse_aidl
from harness.recording.exports.json_file import FORMAT, VERSION, read_recording
from harness.report import journal
from harness.report.document import Document
from harness.report.events import decode
from harness.report.matrix import Matrix
from tests.fuzz.target import Target, name_of, text_target

NOW = "2026-01-01T00:00:00+00:00"
DOCUMENT = {
    "schema": "binder-harness/results",
    "schema_version": 2,
    "harness": "0.1.0",
    "target": "embedded",
    "started": NOW,
    "ended": NOW,
    "interrupted": None,
    "not_judged": ["mmap.once"],
    "device": None,
    "claims": [],
}
MATRIX = {
    "schema": "binder-harness/matrix",
    "schema_version": 2,
    "harness": "0.1.0",
    "interrupted": None,
    "columns": [{"target": "embedded", "exit_code": 4, "failures": [], "document": DOCUMENT}],
}
HEADING = {
    "schema": journal.SCHEMA,
    "schema_version": journal.SCHEMA_VERSION,
    "harness": "0.1.0",
    "started": NOW,
    "targets": ["embedded"],
    "claims": ["mmap.once"],
    "matrix": False,
}
FAILED = {"event": "failed", "target": "embedded", "failure": {"message": "No QEMU.", "exit_code": 4}}
AIDL = """package a.b;
/** x */
oneway interface IFoo {
    const int X = 1;
    void f(in String s);
    int g() = 5;
}
"""
REPORT = {
    "testsuites": [
        {
            "name": "A",
            "testsuite": [
                {"name": "b", "status": "RUN", "result": "SKIPPED", "time": "0.5s"},
                {
                    "name": "c",
                    "status": "RUN",
                    "time": "1s",
                    "failures": [{"failure": "/d/e.cpp:3\nExpected: f"}],
                },
            ],
        }
    ]
}
OUTPUT = """[ RUN      ] A.b
/d/e.cpp:5: Skipped
There is none.
[  SKIPPED ] A.b (12 ms)
[ RUN      ] A.c
/d/e.cpp:3
[  FAILED  ] A.c (1 ms)
"""
SENDER, RECEIVER = End(7, 8, "a"), End(9, None, "b")
HOP = Hop(1, SENDER, RECEIVER, 3, 1, reply=False, one_way=False, sent=0.5, interface="a.IB")
RECORDING = {
    "format": FORMAT,
    "version": VERSION,
    "transactions": [{**dataclasses.asdict(HOP), "method": "c"}],
    "lost": dataclasses.asdict(Lost(0, 0, 0)),
}
WAITING = [{"arguments": ["/agent"], "port": 1, "boundary": "00" * 16, "output": "41"}]


def of_file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of files, as a function of their content."""

    def parse(data: bytes) -> object:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return read(Path(file.name))

    return parse


def file_target(
    name: str, read: Callable[[Path], object], *seeds: bytes, refuses: tuple[type[Exception], ...] = ()
) -> Target:
    """A reader of files."""
    return Target(name, of_file(read), seeds, (HarnessError, *refuses))


def _json(*values: object) -> bytes:
    return "\n".join(map(json.dumps, values)).encode()


_ARM64 = bytearray(b"Linux version 6.12.48 (x)\0".rjust(0x80, b"\0"))
_ARM64[0x38:0x3C] = b"ARMd"
_BZIMAGE = bytearray(0x400)
_BZIMAGE[0x202:0x206] = b"HdrS"
struct.pack_into("<BHII", _BZIMAGE, 0x1F1, 1, 0, 0, 0)

TARGETS = (
    text_target(
        parse_listing, "emulator-5554 device product:a model:b transport_id:1\n127.0.0.1:5 offline\n"
    ),
    text_target(parse_target, "embedded?kernel=6.1&memory=512", "adb:127.0.0.1:5555", "image:a.toml"),
    text_target(parse_ini, "a=b\n# c=d\n"),
    text_target(parse_host, "groups kvm cvdnetwork\nkvm\ncvd-tap-01\n"),
    text_target(
        parse_survey,
        "release 6.12\nuser 0\nprocesses pid:[1]\nmounted /dev/binderfs\nopen /dev/binder\n",
        refuses=(SetupError,),
    ),
    text_target(ComponentName.parse, "com.example/.Receiver"),
    text_target(seconds_in, "1.5"),
    text_target(printable, "a\x1b[2Jb\u202e"),
    text_target(parse_aidl, AIDL, refuses=(HarnessError, ValueError)),
    text_target(read_report, _json(REPORT).decode()),
    text_target(read_output, OUTPUT),
    file_target(name_of(read_recording), read_recording, _json(RECORDING)),
    text_target(parsed, _json(DOCUMENT).decode(), refuses=(ValueError,)),
    text_target(decode, _json(FAILED).decode(), refuses=(ValueError,)),
    Target(
        name_of(read_kernel_image),
        read_kernel_image,
        (bytes(_ARM64), bytes(_BZIMAGE), gzip.compress(bytes(_ARM64), mtime=0)),
    ),
    file_target(name_of(Document.load), Document.load, _json(DOCUMENT)),
    file_target(name_of(Matrix.load), Matrix.load, _json(MATRIX)),
    file_target(name_of(journal.read), journal.read, _json(HEADING, FAILED)),
    file_target(name_of(read_description), read_description, b'kernel = "/dev/null"\nmemory = 512\n'),
    file_target(
        "emulator.embedded.snapshot.waiting",
        _read_waiting,
        _json(WAITING),
        refuses=(ValueError, TypeError, LookupError),
    ),
)
