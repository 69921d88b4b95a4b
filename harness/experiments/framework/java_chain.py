"""A call as one text: the Java methods that were under way, and what the driver's events show of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.framework.java.agent import OutgoingCall
from harness.recording.hops import Hops, line_of

OURS = "harness.agent."
"""The package of the agent, whose methods only pass the command on."""
INDENT = "  "
NATIVE = "natives of android.os and libbinder (not recorded): ioctl(BINDER_WRITE_READ)"


def chain(calls: Sequence[OutgoingCall], hops: Hops) -> str:
    """For each call the methods from the outermost on, each below its caller, and its transaction and reply.

    `hops` are those that the process caused, in the order of the calls. A method that two calls one after the
    other have in common is shown once.
    """
    start = hops.hops[0].sent if hops.hops else 0.0
    sent = [hop for hop in hops if not hop.reply and hop.cause is None]
    lines: list[str] = []
    shown: list[str] = []
    for call, hop in zip(calls, sent, strict=False):
        frames = list(_frames(call))
        common = 0
        while common < min(len(shown), len(frames)) and shown[common] == frames[common]:
            common += 1
        lines += [f"{INDENT * depth}{frame}" for depth, frame in enumerate(frames) if depth >= common]
        inner = INDENT * len(frames)
        lines.append(f"{inner}{NATIVE}")
        answers = [reply for reply in hops if reply.reply and reply.answers == hop.number]
        lines += [f"{inner}{INDENT}{line_of(each, start, hops.names).strip()}" for each in (hop, *answers)]
        shown = frames
    return "\n".join(lines)


def _frames(call: OutgoingCall) -> Iterator[str]:
    """The methods of AOSP's, the outermost first; the agent's and the thread's are left out."""
    for frame in reversed(call.stack):
        if not frame.startswith((OURS, "java.base/")):
            yield frame
