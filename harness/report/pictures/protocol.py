"""Pictures of the protocol: a call in order, references step by step, loopers, buffers, a one-way queue."""

from __future__ import annotations

from harness.experiments.core.figure import shown
from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import Picture
from harness.report.pictures.exchange import ACTORS, exchange
from harness.report.pictures.lines import Series, steps
from harness.report.pictures.values import Figures, counts, number, numbers, texts

HANDLE = "handle."


def call(figures: Figures) -> Picture:
    """The commands and returns of both sides in their order, with the times of call and reply."""
    order = []
    for entry in texts(figures, "order_of_both_sides"):
        actor, _, command = entry.partition(" ")
        if actor not in ACTORS:
            raise ValueError(entry)
        order.append((actor, command))
    return exchange("A call and its reply, as traced", order, _times(figures))


def _times(figures: Figures) -> list[str]:
    """When the call reached the callee, and the reply the caller, in notes; empty where it is not known."""
    figure = figures.get("call_and_reply")
    match figure.value if figure else None:
        case [{"sent": float(start), "received": float(there)}, {"received": float(back)}]:
            return [
                f"the call is at the callee after {(there - start) * 1000:.2f} ms",
                f"the reply is at the caller after {(back - start) * 1000:.2f} ms",
            ]
        case _:
            return []


def reference_counts(figures: Figures) -> Picture:
    """The strong and weak references of a handle after each step, as the driver's debug file shows them."""
    names = [name.removeprefix(HANDLE) for name in figures if name.startswith(HANDLE)]
    if not names:
        raise ValueError(HANDLE)
    gone = {"strong": 0.0, "weak": 0.0}
    found = [
        gone if figures[HANDLE + name].value is None else counts(figures, HANDLE + name) for name in names
    ]
    series = [
        Series(kind, [each.get(kind, 0.0) for each in found], color)
        for kind, color in (("strong", "first"), ("weak", "second"))
    ]
    return steps("References of the handle", [_step(name) for name in names], series, "")


def _step(name: str) -> str:
    """A step's name: the command that was written."""
    command = name.removeprefix("after_").upper()
    return f"BC_{command}"


def loopers(figures: Figures) -> Picture:
    """Under each limit, the threads that the driver has requested."""
    limits, requested = numbers(figures, "limits"), numbers(figures, "threads_requested")
    if len(limits) != len(requested):
        raise ValueError("threads_requested")
    names = [f"limit of {limit:g}" for limit in limits]
    series = [Series("allowed", limits, "rest"), Series("requested", requested, "first")]
    return steps("Threads that the driver requests", names, series, "")


def buffers(figures: Figures) -> Picture:
    """The buffers that the mapping holds after each step."""
    held = numbers(figures, "buffers_after_each_step")
    labels = ("filled", "one freed", "filled up again", "all freed", "filled once more")
    if len(held) != len(labels):
        raise ValueError("buffers_after_each_step")
    size = number(figures, "payload_size")
    rows = [Bar(label, [Part(count, "first")]) for label, count in zip(labels, held, strict=True)]
    return bars(f"Buffers of {size:,.0f} bytes in the mapping", rows, "buffers")


def one_way_queue(figures: Figures) -> Picture:
    """How many one-way calls to an object are delivered while its first is handled, and how many wait."""
    order = numbers(figures, "codes.in_order")
    delivered = len(numbers(figures, "codes.first"))
    idle = figures.get("codes.meanwhile")
    if idle is not None and isinstance(idle.value, list):  # else "none"
        delivered += len(numbers(figures, "codes.meanwhile"))
    if delivered > len(order):
        raise ValueError("codes.first")
    parts = [
        Part(delivered, "first", "delivered"),
        Part(len(order) - delivered, "rest", "in the object's queue"),
    ]
    rows = [
        Bar("while the first call is handled", parts, f"{delivered} of {len(order)} calls"),
        Bar("after each call was freed", [Part(len(order), "first")], shown([int(code) for code in order])),
    ]
    return bars("One-way calls to one object", rows, "calls")
