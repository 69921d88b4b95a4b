from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.wire_format import WireFormat
from harness.kernel.tracing.binder_transactions import BEGINNING, End, Hop, interface_named
from harness.kernel.tracing.events import TraceEvent, parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.recording import Lost
from harness.recording.hops import Hops


def words(data: bytes) -> str:
    """The fields of the probe on the data's beginning, as the kernel prints them."""
    padded = data[:192].ljust(192, b"\0")
    numbers = struct.unpack("<24Q", padded)
    return " ".join(f"word_{place}={number:#x}" for place, number in enumerate(numbers))


LIST = Parcel().interface_token("android.os.IServiceManager").data
NESTED = f"""\
# tracer: nop
      app-20   (  20) [000] ..... 1.000000: {BEGINNING.event}: (binder_transaction+0x0/0x3270) {words(LIST)}
      app-20   (  20) [000] ..... 1.000010: binder_transaction: transaction=4 dest_node=3 dest_proc=30 \
dest_thread=0 reply=0 flags=0x10 code=0x4
      app-20   (  20) [000] ..... 1.000020: binder_transaction_alloc_buf: transaction=4 data_size=36 \
offsets_size=8 extra_buffers_size=0
   binder-31   (-----) [001] ..... 1.000110: binder_transaction_received: transaction=4
   binder-31   (-----) [001] ..... 1.000200: binder_transaction: transaction=5 dest_node=7 dest_proc=40 \
dest_thread=0 reply=0 flags=0x11 code=0x5f504e47
   binder-31   (-----) [001] ..... 1.000210: binder_transaction_alloc_buf: transaction=5 data_size=0 \
offsets_size=0 extra_buffers_size=0
   binder-31   (-----) [001] ..... 1.000300: binder_transaction: transaction=6 dest_node=0 dest_proc=20 \
dest_thread=20 reply=1 flags=0x0 code=0x0
   binder-31   (-----) [001] ..... 1.000310: binder_transaction_alloc_buf: transaction=6 data_size=4 \
offsets_size=0 extra_buffers_size=0
      app-20   (  20) [000] ..... 1.000400: binder_transaction_received: transaction=6
 listener-41   (  40) [000] ..... 1.000500: binder_transaction_received: transaction=5
 listener-41   (  40) [000] ..... 1.000600: binder_transaction: transaction=7 dest_node=9 dest_proc=20 \
dest_thread=0 reply=0 flags=0x10 code=0x1
    other-50   (  50) [000] ..... 1.000700: binder_transaction: transaction=8 dest_node=3 dest_proc=30 \
dest_thread=0 reply=0 flags=0x10 code=0x2
    other-50   (  50) [000] ..... 1.000710: binder_transaction_alloc_buf: transaction=8 data_size=0 \
offsets_size=0 extra_buffers_size=0
"""


def hops_of(text: str) -> Hops:
    return Hops(parse_hops(parse_trace(text).events))


def test_a_call_with_a_call_inside() -> None:
    call, inner, reply, refused, other = hops_of(NESTED)
    assert (call.number, call.node, call.code, call.one_way, call.reply) == (4, 3, 4, False, False)
    assert call.sender == End(20, 20, "app")
    assert call.receiver == End(30, 31, "binder")
    assert (call.data_size, call.offsets_size) == (36, 8)
    assert call.interface == reply.interface == "android.os.IServiceManager"
    assert call.latency == pytest.approx(100e-6)
    assert (inner.one_way, inner.cause, inner.interface) == (True, 4, None)
    assert inner.sender.process == 30, "known from the transaction that this thread received"
    assert (reply.reply, reply.answers, reply.cause) == (True, 4, None)
    assert reply.receiver == End(20, 20, "app")
    assert (refused.data_size, refused.received, refused.latency) == (None, None, None)
    assert refused.cause == inner.number
    assert other.cause is None


def test_what_an_action_caused() -> None:
    hops = hops_of(NESTED)
    assert [hop.number for hop in hops.caused_by(20)] == [4, 5, 6, 7]
    assert [hop.number for hop in hops.caused_by(50)] == [8]
    assert [hop.number for hop in hops.caused_by(40)] == []
    assert [hop.number for hop in hops.involving(40)] == [5, 7]
    assert [hop.number for hop in hops.caused_by(20).without_replies()] == [4, 5, 7]


def test_a_one_way_transaction_is_over_with_the_next() -> None:
    line = " server-31 (  30) [001] ..... {time:.6f}: {event}: transaction={number} {rest}\n"
    sent = "dest_node=3 dest_proc=30 dest_thread=0 reply=0 flags={flags} code=0x1"
    text = ""
    for number in (1, 2):
        sender = line.replace("server-31 (  30)", "client-20 (  20)")
        text += sender.format(
            time=number, event="binder_transaction", number=number, rest=sent.format(flags="0x11")
        )
        text += line.format(time=number + 0.1, event="binder_transaction_received", number=number, rest="")
    text += line.format(time=3, event="binder_transaction", number=3, rest=sent.format(flags="0x11"))
    assert [hop.cause for hop in hops_of(text)] == [None, None, 2]


def test_a_recording_that_starts_in_the_middle() -> None:
    reply = NESTED.splitlines()[7:]
    hops = hops_of("\n".join(reply))
    assert hops.hops[0].answers is None
    assert hops.hops[0].interface is None


@given(st.permutations(NESTED.splitlines()), st.integers(0, 14))
def test_no_order_and_no_loss_of_events_breaks_the_reader(lines: list[str], count: int) -> None:
    hops = hops_of("\n".join(lines[:count]))
    assert {hop.number for hop in hops} <= {4, 5, 6, 7, 8}
    assert hops.text()
    assert hops.mermaid().startswith("sequenceDiagram")
    assert fromstring(hops.svg()).tag.endswith("svg")


@pytest.mark.parametrize("wire", list(WireFormat))
def test_the_interface_of_every_generation(wire: WireFormat) -> None:
    assert interface_named(Parcel(wire).interface_token("a.IThing").int32(5).data) == "a.IThing"


@given(st.binary(max_size=192))
def test_any_bytes_name_an_interface_or_none(data: bytes) -> None:
    name = interface_named(data)
    assert name is None or name.isprintable()


def test_an_interface_whose_name_is_cut_off_is_not_named() -> None:
    assert interface_named(Parcel().interface_token("x" * 200).data[:192]) is None


def test_a_page_that_could_not_be_read() -> None:
    (event,) = parse_trace(NESTED.splitlines()[1]).events
    unread = replace(event, fields={"word_0": "(fault)"})
    sent: list[TraceEvent] = list(parse_trace(NESTED.splitlines()[2]).events)
    (hop,) = parse_hops([unread, *sent])
    assert hop.interface is None


def test_the_text_names_what_is_known() -> None:
    lines = hops_of(NESTED).text().splitlines()
    assert lines[0] == (
        "    0.000 ms  app (20) thread 20 → binder (30) thread 31: IServiceManager.listServices to node 3, "
        "36 bytes, 0.100 ms"
    )
    assert ": PING_TRANSACTION one-way to node 7" in lines[1]
    assert ": reply, 4 bytes" in lines[2]
    assert lines[3].endswith("(20): code 1 to node 9, refused")


def test_lost_events_are_shown_in_every_form() -> None:
    hops = replace(hops_of(NESTED), lost=Lost(3, 0, 1))
    assert hops.text().startswith("INCOMPLETE: 3 events overwritten, 0 dropped, 1 probe hits missed")
    assert "INCOMPLETE" in hops.mermaid()
    assert "INCOMPLETE" in Hops((), Lost(1, 0, 0)).text()


def test_the_diagram() -> None:
    lines = hops_of(NESTED).mermaid().splitlines()
    assert lines[:6] == [
        "sequenceDiagram",
        "    box transparent app (20)",
        "    participant p20t20 as thread 20",
        "    participant p20t0 as no thread",
        "    end",
        "    box transparent binder (30)",
    ]
    assert "    p20t20->>p30t31: IServiceManager.listServices, 36 bytes, 0.100 ms" in lines
    assert any(line.startswith("    p30t31-)p40t41: PING_TRANSACTION") for line in lines)
    assert any(line.startswith("    p30t31-->>p20t20: reply") for line in lines)
    assert "    p40t41-xp20t0: code 1, refused" in lines


def test_names_cannot_break_the_diagram() -> None:
    hop = Hop(
        number=1,
        sender=End(1, 1, "a;b\nparticipant #"),
        receiver=End(2, None),
        node=1,
        code=1,
        reply=False,
        one_way=False,
        sent=0.0,
    )
    diagram = Hops((hop,)).mermaid()
    assert len(diagram.splitlines()) == 8
    assert "a#59;b#10;participant #35;" in diagram


def test_nothing_was_recorded() -> None:
    assert Hops(()).text() == "no transaction was recorded"
    assert Hops(()).mermaid() == "sequenceDiagram"


def test_a_prompt_shows_the_first_transactions(tmp_path: Path) -> None:
    hops = hops_of(NESTED)
    assert repr(hops) == hops.text()
    many = replace(hops, hops=hops.hops * 10)
    lines = repr(many).splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"… and {len(many) - 20} more"
    hops.save(tmp_path / "hops.svg")
    assert (tmp_path / "hops.svg").read_text() == hops.svg() == hops._repr_svg_()
