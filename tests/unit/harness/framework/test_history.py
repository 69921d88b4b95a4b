from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from harness.framework.dumps.broadcasts import BroadcastRecord, Delivery, DeliveryState, parse_broadcasts
from harness.framework.dumps.services import BindRecord, parse_services
from harness.framework.history import broadcast_history

STAND_IN = """\
ACTIVITY MANAGER BROADCAST STATE (dumpsys activity broadcasts), of a stand-in
  Registered Receivers:
  * ReceiverList{com.android.shell 208 2000/u0}: Action: "a.B"

  Historical broadcasts:
  Historical Broadcast #0:
    BroadcastRecord{u0 a.B} to user 0
    Intent { act=a.B (has extras) }
    caller=null pid=20 uid=0
    ordered=true resultCode=0
    Deliver #0: BroadcastFilter{com.android.shell 208/0/u0}
    Timeout #1: BroadcastFilter{com.android.shell 209/0/u0}
  Historical Broadcast #1:
    BroadcastRecord{u-1 a.C} to user -1
"""
ANDROID_11 = """\
  Historical broadcasts [background]:
  Historical Broadcast background #0:
    BroadcastRecord{a5c8ab8 u-1 android.intent.action.X} to user -1
    Intent { act=android.intent.action.X flg=0x50000010 (has extras) }
      extras: Bundle[{}]
    caller=null null pid=-1 uid=1000
    enqueueClockTime=2020-11-11 11:11:11.111 dispatchClockTime=2020-11-11 11:11:11.112
    Deliver +14ms #0: BroadcastFilter{a3ce9a4 10087/u0 ReceiverList{b9d7c37 1 com.google/10087/u0 remote:1}}
    Skipped -- #1: (manifest)
      priority=0 preferredOrder=0
"""
SERVICES = """\
ACTIVITY MANAGER SERVICES (dumpsys activity services)
  * ServiceRecord{e4dcd25 u0 com.android.bluetooth/.btservice.AdapterService}
    intent={act=android.bluetooth.IBluetooth}
    Bindings:
    * IntentBindRecord{3b0a1a5 CREATE}:
      intent={act=android.bluetooth.IBluetooth}
      binder=android.os.BinderProxy@cd1b27a
      requested=true received=true hasBound=true doRebind=false
      * Client AppBindRecord{d2e2a2b ProcessRecord{1 1:system/1000}}
      * Client AppBindRecord{8b4f4cf ProcessRecord{2 2:com.android/u0a1}}
  * ServiceRecord{77 u0 a/.B}
    Bindings:
    * IntentBindRecord{1 CREATE}:
      requested=true received=false hasBound=true doRebind=false
"""


def shell(answer: str) -> Any:
    """A device whose shell records its commands and prints one output."""
    commands: list[Any] = []

    def run(command: Any, *, deadline: Deadline | None = None) -> str:  # noqa: ARG001
        commands.append(command)
        return answer

    return cast(Any, SimpleNamespace(shell=run, commands=commands))


def test_the_stand_in_s_history() -> None:
    newest, oldest = broadcast_history(shell(STAND_IN))
    assert (newest.action, newest.user) == ("a.B", 0)
    assert [delivery.state for delivery in newest.deliveries] == [
        DeliveryState.DELIVERED,
        DeliveryState.TIMEOUT,
    ]
    assert oldest == BroadcastRecord("a.C", -1, ())


def test_the_history_of_android_11() -> None:
    (record,) = parse_broadcasts(ANDROID_11)
    assert (record.action, record.user) == ("android.intent.action.X", -1)
    assert record.deliveries[0].receiver.startswith("BroadcastFilter{a3ce9a4")
    assert record.deliveries[1] == Delivery(DeliveryState.SKIPPED, "(manifest)")


def test_the_bindings_of_android_11() -> None:
    assert parse_services(SERVICES) == (
        BindRecord("com.android.bluetooth/.btservice.AdapterService", True, True, 2),
        BindRecord("a/.B", True, False, 0),
    )


@given(st.lists(st.sampled_from((STAND_IN + ANDROID_11 + SERVICES).splitlines()), max_size=30))
def test_no_order_of_lines_breaks_the_readers(lines: list[str]) -> None:
    dump = "\n".join(lines)
    assert all(record.action for record in parse_broadcasts(dump))
    assert all(record.clients >= 0 for record in parse_services(dump))
