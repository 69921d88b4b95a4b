"""Whose commands a trace shows."""

from __future__ import annotations

from harness.experiments.protocol.call_sequence import Traced, traced_commands
from harness.kernel.tracing.events import parse_trace

TRACE = """\
          worker-181     [001] .....     1.000000: binder_command: cmd=0x40406300 BC_TRANSACTION
          worker-999     [000] .....     2.000000: binder_command: cmd=0x630c BC_ENTER_LOOPER
          worker-177     [001] .....     3.000000: binder_transaction_received: transaction=3
          worker-177     [001] .....     4.000000: binder_return: cmd=0x80407202 BR_TRANSACTION
"""


def test_only_the_commands_of_both_ends_count() -> None:
    events = parse_trace(TRACE).events
    assert len(events) == 4
    assert traced_commands(events, {181: "caller", 177: "callee"}) == (
        Traced("caller", "BC_TRANSACTION"),
        Traced("callee", "BR_TRANSACTION"),
    )
