"""Services, names, processes and replies, as Android's own programs print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.errors import ParcelError, RemoteError
from harness.binder.parcels.parcel import Parcel
from harness.framework.dumps.parcel_text import parse_parcel_text
from harness.framework.dumps.processes import ProcessNames
from harness.framework.dumps.service_list import ListedService, parse_service_list
from harness.framework.dumps.services import parse_services

SERVICES = """\
ACTIVITY MANAGER SERVICES (dumpsys activity services)
  User 0 active services:
  * ServiceRecord{ceb7f39 u0 org.example.mail/.SyncService c:org.example.home}
    Bindings:
    * IntentBindRecord{3b0a1a5 CREATE}:
      requested=true received=true hasBound=true doRebind=false
      * Client AppBindRecord{d2e2a2b ProcessRecord{4c5e 2001:org.example.home/u0a100}}
  * ServiceRecord{99 u10 org.example.web/.Sandboxed:0:0}
    * IntentBindRecord{3b}:
      requested=true received=false hasBound=true doRebind=false
  * ServiceRecord{41f2ab10 org.example.old/.Service}
    * IntentBindRecord{41f2}:
      requested=false received=false hasBound=false doRebind=false
"""


def test_the_name_of_a_service_is_not_its_client() -> None:
    records = parse_services(SERVICES)
    assert [(each.service, each.requested, each.received, each.clients) for each in records] == [
        ("org.example.mail/.SyncService", True, True, 1),
        ("org.example.web/.Sandboxed:0:0", True, False, 0),
        ("org.example.old/.Service", False, False, 0),
    ]
    assert [each.line for each in records] == [5, 9, 12]


def test_service_list() -> None:
    text = (
        "Found 3 services:\r\n0\tactivity: [android.app.IActivityManager]\r\n1\ta.b.ILights/default: []\r\n"
    )
    assert parse_service_list(text) == (
        ListedService("activity", "android.app.IActivityManager"),
        ListedService("a.b.ILights/default", ""),
    )


def test_dumpsys_lists_names_alone() -> None:
    text = "Currently running services:\n  activity\n  alarm (skipped)\nother\n  no service\n"
    assert [service.name for service in parse_service_list(text)] == ["activity", "alarm"]


def test_a_reply_of_several_lines() -> None:
    reply = parse_parcel_text(
        "Result: Parcel(\n"
        "  0x00000000: 00000000 00000007 00610068 006e0072 '........h.a.r.n.'\n"
        "  0x00000010: 00730065 00000073                   'e.s.s...        ')\n"
    )
    assert reply.check_exception().string16() == "harness"


def test_a_reply_of_one_line() -> None:
    assert (
        parse_parcel_text("Result: Parcel(00000000 3ef5c28f   '.......>')").data.hex() == "000000008fc2f53e"
    )
    assert parse_parcel_text("Result: Parcel(NULL)").data == b""


def printed(data: bytes) -> str:
    """As HexDump prints more than 16 bytes."""
    lines = ["Result: Parcel("]
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        words = " ".join(part[at : at + 4][::-1].hex() for at in range(0, len(part), 4))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"  0x{start:08x}: {words:<35} '{text:<16}'")
    return "\n".join(lines) + ")\n"


@given(st.binary(min_size=17, max_size=200).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_reply_comes_back(data: bytes) -> None:
    assert parse_parcel_text(printed(data).replace("\n", "\r\n")).data == data


def test_a_reply_that_is_an_error() -> None:
    with pytest.raises(ParcelError, match=r"status EBADF \(-9, Bad file descriptor\), without"):
        parse_parcel_text('Result: Parcel(Error: 0xfffffffffffffff7 "Bad file descriptor")')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "expected"),
        ("Result: Parcel(", "expected lines"),
        ("Parcel(\n 0x00000010: 00000000 '....'", "bytes 0 to 16 are missing"),
    ],
)
def test_a_reply_that_is_not_whole(text: str, message: str) -> None:
    with pytest.raises(ParcelError, match=message):
        parse_parcel_text(text)


@pytest.mark.parametrize("stack_trace", [[], [0], [12, 7, 7]])
@pytest.mark.parametrize("code", [-1, -8])
def test_an_exception_with_and_without_a_stack_trace(code: int, stack_trace: list[int]) -> None:
    parcel = Parcel().int32(code).string16("no")
    for word in stack_trace:
        parcel.int32(word)
    if code == -8:
        parcel.int32(42)
    with pytest.raises(RemoteError, match="no") as raised:
        parse_parcel_text(printed(bytes(parcel.data))).check_exception()
    assert (raised.value.code, raised.value.service_specific) == (code, 42 if code == -8 else 0)


def names_in(text: str) -> ProcessNames:
    names = ProcessNames()
    for line in text.splitlines():
        if not (names.is_ps_header(line) or names.take(line)):
            names.take_ps(line)
    return names


def test_names_from_ps_of_each_generation() -> None:
    toybox = names_in(
        "LABEL USER   PID   TID  PPID VSZ RSS WCHAN      ADDR S PRI NI RTPRIO SCH PCY TIME CMD\n"
        "s0    system 1782  1782 700  1   1   SyS_epoll_ 0    S 19  0  -      0   fg  0:01 system_server\n"
        "s0    system 1782  1790 700  1   1   binder_thr 0    S 19  0  -      0   fg  0:01 Binder:1782_1\n"
        "s0    u0_a1  9000  9000 700  1   1   do_freezer 0    S 19  0  -      0   bg  0:01 org.example\n"
    )
    assert toybox.processes == {1782: "system_server", 9000: "org.example"}
    assert toybox.threads[1790] == "Binder:1782_1"
    assert list(toybox.frozen) == [9000]
    toolbox = names_in(
        "USER     PID   PPID  VSIZE  RSS     WCHAN    PC         NAME\n"
        "system    436   1     9124   324   ffffffff b6f0a1e8 S /system/bin/servicemanager\n"
    )
    assert toolbox.title(436) == "/system/bin/servicemanager (436)"
    assert toolbox.title(1) == "process 1"


def test_names_from_the_activity_manager_and_from_stacks() -> None:
    names = names_in(
        "    app=ProcessRecord{31fa7b8 7714:org.example.mail/u0a231}\n"
        "  Apps frozen: 2\n"
        "    499170472: 637 org.example.wallpaper\n"
        "    492503897: 949 org.example.gcs (sticky)\n"
        "  other\n"
        "------ SHOW MAP 1 (/system/bin/init) ------\n"
        "----- pid 1782 at 2026-01-04 10:00:00 -----\n"
        "Cmd line: system_server\n"
        '"Binder:1782_3" prio=5 tid=12 Blocked\n'
        "  | sysTid=1900 nice=0 cgrp=default\n"
        "----- end 1782 -----\n"
    )
    assert names.processes == {
        7714: "org.example.mail",
        637: "org.example.wallpaper",
        949: "org.example.gcs",
        1: "/system/bin/init",
        1782: "system_server",
    }
    assert set(names.frozen) == {637, 949}
    assert names.threads == {1900: "Binder:1782_3"}


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    names_in(text)
    parse_services(text)
    parse_service_list(text)
