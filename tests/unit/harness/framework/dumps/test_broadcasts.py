"""Broadcasts in the dumps of each release's activity manager."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.framework.dumps.broadcasts import (
    DeliveryState,
    parse_broadcasts,
    read_broadcasts,
    undelivered,
)

ANDROID_14 = """\
ACTIVITY MANAGER BROADCAST STATE (dumpsys activity broadcasts)
  Frozen broadcasts:
    <empty>

  Historical broadcasts [modern]:
  Historical Broadcast modern #0:
    BroadcastRecord{49bd38a org.example.READY/u0} to user 0
    Intent { act=org.example.READY flg=0x89000010 (has extras) }
      extras: Bundle[{text=first
  second, android.intent.extra.user_handle=0}]
    caller=null null pid=-1 uid=1000 realCallingUid=1000
    terminalCount=5
    DELIVERED scheduled +5s891ms terminal +2s830ms (7) #8: (manifest)
      priority=0 preferredOrder=0 match=0x108000 specificIndex=-1 isDefault=false
      ActivityInfo:
        name=org.example.vpn.BootReceiver
      reason: remote app
    SKIPPED terminal +23m46s665ms (-1) #3: (manifest)
      reason: Background execution not allowed
    TIMEOUT scheduled +3ms terminal +10s1ms (-1) #4: BroadcastFilter{31ce594 1000/u0 Rec{b9 1 system}}
    FAILURE scheduled +3ms terminal +1ms (-1) #5: (manifest)
    DEFERRED (-1) #6: BroadcastFilter{31ce595 10123/u0 ReceiverList{b9d7c38 2001 org.a/10123/u0 remote:2}}
    SCHEDULED scheduled +1ms (-1) #7: BroadcastFilter{31ce596 10124/u0 ReceiverList{b9d7c39 2002 org.b/10124}}
  Historical Broadcast modern #1:
    BroadcastRecord{a57f98e Intent { flg=0x10 cmp=org.example/.Receiver }/u-1} to user -1
    SKIPPED terminal +23m46s665ms (-1) #3: (manifest)
  Historical broadcasts summary [modern]:
  #0: act=org.example.READY flg=0x89000010
    +1ms dispatch +9s finish
"""
QUEUES = """\
BROADCAST STATE [modern]:
  \U0001f4cb Per-process queues:
    1f3c9d2 2001:org.example.cached/u0a123 not runnable because cached
      state:FRZ
      e:2 d:1 f:0 fd:0 o:0 a:0 p:0 pd:0 int:0 rt:0 ins:0 m:1 csi:0 adcsi:0 ccu:0 ccn:0
      -1m2s3ms 49bd38a org.example.READY/u0
          DEFERRED for registered 31ce595
      -2s3ms 49bd38b org.example.LATER/u10/0x1081
          SCHEDULED at -1s ACTIVE for manifest org.example.cached.Receiver
          blocked until 2, currently at 1 of 5

  Historical broadcasts:
  Historical Broadcast #0:
    BroadcastRecord{5f4 org.example.DONE/u0} to user 0
    DELIVERED scheduled +3ms terminal 0 (-1) #0: BroadcastFilter{31ce597 1000/u0}
"""
ANDROID_16 = """\
  Pending broadcasts:
  Broadcast #0:
    BroadcastRecord{77f org.example.LATER/u10/0x1081} to user 10
    PENDING (-1) #0: BroadcastFilter{31ce597 1000/u0}
  Historical Broadcast #0:
    BroadcastRecord{5f4 org.example.DONE/u0/0x1081} to user 0
    DELIVERED scheduled +3ms terminal 0 (-1) #0: BroadcastFilter{31ce597 1000/u0 ReceiverList{b9 1782 system}}
"""
ANDROID_4_1 = """\
  Historical broadcasts [foreground]:
  Historical Broadcast foreground #0:
    BroadcastRecord{41f2ab10 org.example.OLD}
    Intent { act=org.example.OLD flg=0x60000010 }
    Receiver #0: BroadcastFilter{41c1 ReceiverList{41b 312 org.example/10010 remote:41a}}
"""
ANDROID_7 = """\
  Active ordered broadcasts [background]:
  Active Ordered Broadcast background #0:
    BroadcastRecord{9d2 u0 org.example.NOW} to user 0
    Pending   #0: (manifest)
  Historical Broadcast background #0:
    BroadcastRecord{9d3 u0 null} to user 0
    Deliver +14ms #0: BroadcastFilter{a3ce9a4 10087/u0}
    ??????? #1: (manifest)
"""


def test_the_queue_of_android_14() -> None:
    ready, silent = parse_broadcasts(ANDROID_14)
    assert (ready.action, ready.user) == ("org.example.READY", 0)
    assert [(each.number, each.state) for each in ready.deliveries] == [
        (8, DeliveryState.DELIVERED),
        (3, DeliveryState.SKIPPED),
        (4, DeliveryState.TIMEOUT),
        (5, DeliveryState.FAILURE),
        (6, DeliveryState.DEFERRED),
        (7, DeliveryState.SCHEDULED),
    ]
    assert ready.deliveries[1].reason == "Background execution not allowed"
    assert ready.deliveries[2].receiver.startswith("BroadcastFilter{31ce594")
    assert (silent.action, silent.user) == ("Intent { flg=0x10 cmp=org.example/.Receiver }", -1)
    assert [each.number for each in silent.deliveries] == [3]


def test_android_16_adds_flags_and_names_no_queue() -> None:
    later, done = read_broadcasts(ANDROID_16).records
    assert (later.action, later.user, later.finished) == ("org.example.LATER", 10, False)
    assert (done.action, done.user, done.finished) == ("org.example.DONE", 0, True)
    assert parse_broadcasts(ANDROID_16) == (done,)
    assert [(record.line, record.deliveries[0].line) for record in (later, done)] == [(3, 4), (6, 7)]


def test_the_queues_of_processes() -> None:
    deferred, active, done = read_broadcasts(QUEUES).records
    assert (deferred.action, deferred.user, deferred.finished) == ("org.example.READY", 0, False)
    (delivery,) = deferred.deliveries
    assert (delivery.state, delivery.reason, delivery.line) == (DeliveryState.DEFERRED, "cached", 7)
    assert delivery.receiver == "registered 31ce595 in 2001:org.example.cached"
    assert (active.action, active.user) == ("org.example.LATER", 10)
    assert active.deliveries[0].state == DeliveryState.SCHEDULED
    assert parse_broadcasts(QUEUES) == (done,)


def test_android_4_has_no_users_and_no_states() -> None:
    (record,) = parse_broadcasts(ANDROID_4_1)
    assert (record.action, record.user) == ("org.example.OLD", 0)
    assert [each.state for each in record.deliveries] == [DeliveryState.UNKNOWN]


def test_android_7() -> None:
    now, past = read_broadcasts(ANDROID_7, first_line=50).records
    assert (now.finished, now.deliveries[0].state, now.line) == (False, DeliveryState.PENDING, 52)
    assert (past.action, [each.state.name for each in past.deliveries]) == ("null", ["DELIVERED", "UNKNOWN"])


def test_what_was_not_delivered() -> None:
    found = [delivery.number for _, delivery in undelivered(read_broadcasts(ANDROID_14).records)]
    assert found == [3, 4, 5, 6, 7, 3]


def test_a_record_of_unknown_form_is_not_lost() -> None:
    dump = read_broadcasts("  Historical Broadcast #0:\n    BroadcastRecord{of another kind\n")
    assert (dump.records, dump.unknown_lines) == ((), ("    BroadcastRecord{of another kind",))


@pytest.mark.parametrize("text", [ANDROID_4_1, ANDROID_7, ANDROID_14, ANDROID_16, QUEUES])
def test_lines_that_end_in_a_carriage_return(text: str) -> None:
    assert read_broadcasts(text.replace("\n", "\r\n")) == read_broadcasts(text)


@given(st.lists(st.sampled_from((ANDROID_4_1 + ANDROID_7 + ANDROID_14 + ANDROID_16 + QUEUES).splitlines())))
def test_no_order_of_lines_is_an_error(lines: list[str]) -> None:
    assert all(record.action for record in read_broadcasts("\n".join(lines)).records)
