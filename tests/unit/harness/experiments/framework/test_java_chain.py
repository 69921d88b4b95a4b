"""A call as one text, from Java down to the driver."""

from __future__ import annotations

from harness.experiments.framework.java_chain import NATIVE, chain
from harness.framework.java.agent import OutgoingCall
from harness.kernel.tracing.binder_transactions import End, Hop
from harness.recording.hops import Hops

OWN = ("harness.agent.Application.send(Application.java:1)", "java.base/java.lang.Thread.run(Unknown Source)")


SENDER, RECEIVER = End(10, 11, "sender"), End(20, 21, "manager")


def call_and_reply(number: int) -> tuple[Hop, Hop]:
    call = Hop(number, SENDER, RECEIVER, 1, 1, False, False, sent=number / 1000)
    reply = Hop(number + 1, RECEIVER, SENDER, 0, 0, True, False, sent=number / 500, answers=number)
    return call, reply


def test_each_method_is_below_its_caller_and_shared_ones_are_shown_once() -> None:
    calls = [
        OutgoingCall(
            1, ("p.Proxy.transact(P.java:3)", "p.Lookup.get(L.java:2)", "p.Send.run(S.java:1)", *OWN)
        ),
        OutgoingCall(12, ("p.Proxy.transact(P.java:3)", "p.Send.run(S.java:1)", *OWN)),
    ]
    hops = Hops((*call_and_reply(1), *call_and_reply(3)))

    lines = chain(calls, hops).splitlines()

    assert [line for line in lines if " ms " not in line] == [
        "p.Send.run(S.java:1)",
        "  p.Lookup.get(L.java:2)",
        "    p.Proxy.transact(P.java:3)",
        f"      {NATIVE}",
        "  p.Proxy.transact(P.java:3)",
        f"    {NATIVE}",
    ]
    assert [len(line) - len(line.lstrip()) for line in lines if " ms " in line] == [8, 8, 6, 6]


def test_without_calls_there_is_nothing() -> None:
    assert chain([], Hops(())) == ""
