"""Transactions as a recording could have them, made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from harness.kernel.tracing.binder_transactions import End, Failure, Hop

TIMES = st.integers(0, 1 << 46).map(lambda nanoseconds: nanoseconds / 1e9)
NAMES = st.text(max_size=12)
ENDS = st.builds(End, st.none() | st.integers(1, 1 << 22), st.none() | st.integers(1, 1 << 22), NAMES)
SENDERS = st.builds(End, st.none() | st.integers(1, 1 << 22), st.integers(1, 1 << 22), NAMES)
COMMANDS = st.sampled_from(["BR_FAILED_REPLY", "BR_DEAD_REPLY", "BR_FROZEN_REPLY", "refused"])
INTERFACES = st.none() | st.sampled_from(["android.os.IServiceManager", "a.IThing", "b::IOther;|\n"])
INT32 = st.integers(0, (1 << 31) - 1)
UINT32 = st.integers(0, (1 << 32) - 1)


@st.composite
def hops(draw: st.DrawFn) -> Hop:
    """One transaction of any kind."""
    reply = draw(st.booleans())
    sent = draw(TIMES)
    failure = draw(st.none() | st.builds(Failure, COMMANDS, TIMES))
    received = None if failure else draw(st.none() | TIMES.map(lambda time: sent + time))
    return Hop(
        number=draw(INT32),
        sender=draw(SENDERS),
        receiver=draw(ENDS),
        node=draw(INT32),
        code=draw(UINT32),
        reply=reply,
        one_way=not reply and draw(st.booleans()),
        sent=sent,
        received=received,
        data_size=draw(st.none() | st.integers(0, 1 << 40)),
        offsets_size=draw(st.integers(0, 1 << 20)),
        interface=draw(INTERFACES),
        answers=draw(st.none() | INT32) if reply else None,
        cause=None if reply else draw(st.none() | INT32),
        flags=draw(st.integers(0, 0xFF)),
        failure=failure,
        call_code=draw(st.none() | UINT32) if reply else None,
        call_sent=draw(st.none() | TIMES) if reply else None,
    )
