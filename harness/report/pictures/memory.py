"""Pictures of the mapping: what fits into it, which of its pages are there, and whose frames they are."""

from __future__ import annotations

from itertools import accumulate

from harness.experiments.core.json_values import Json
from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import Picture
from harness.report.pictures.frames import frames
from harness.report.pictures.lines import staircase
from harness.report.pictures.scale import BYTES, quantity
from harness.report.pictures.values import Figures, counts, number, numbers

ALIGNMENT = 8
"""Bytes to which the driver rounds the size of a buffer up; an empty one takes as many."""


def _room(label: str, taken: float, whole: float) -> Bar:
    """A bar of what may be taken of a whole mapping."""
    used = Part(taken, "first", "a payload may take")
    parts = [used, Part(max(whole - taken, 0), "rest", "the rest of the mapping")]
    return Bar(label, parts, quantity(taken, BYTES))


def cap(figures: Figures) -> Picture:
    """A mapping larger than the driver's limit."""
    mapped, largest = number(figures, "mapped"), number(figures, "largest_call")
    rows = [Bar("mapped by the process", [Part(mapped, "rest")]), _room("largest call", largest, mapped)]
    return bars("What a mapping beyond 4 MiB serves", rows, BYTES)


def one_way_half(figures: Figures) -> Picture:
    """One one-way payload, and a call beside it."""
    mapped = number(figures, "mapped")
    one_way, call = number(figures, "largest_oneway"), number(figures, "largest_call_beside")
    parts = [
        Part(one_way, "second", "one-way payload"),
        Part(call, "first", "a call beside it"),
        Part(max(mapped - one_way - call, 0), "rest"),
    ]
    kept = Part(max(mapped - one_way, 0), "rest", "kept for calls")
    rows = [
        Bar("one-way payloads alone", [parts[0], kept], quantity(one_way, BYTES)),
        Bar("with a call beside it", parts, quantity(one_way + call, BYTES)),
    ]
    return bars("Half of the mapping is for one-way payloads", rows, BYTES)


def largest_call(figures: Figures) -> Picture:
    """The largest payload beside the mapping."""
    mapped = number(figures, "bytes_mapped")
    rows = [
        Bar("the mapping", [Part(mapped, "rest")]),
        _room("largest call, data alone", number(figures, "largest_call"), mapped),
        _room("largest call with one object", number(figures, "largest_call_with_object"), mapped),
    ]
    return bars("The largest call fills the mapping", rows, BYTES)


def largest_one_way(figures: Figures) -> Picture:
    """The largest one-way payload beside the mapping."""
    mapped = number(figures, "bytes_mapped")
    rows = [
        Bar("the mapping", [Part(mapped, "rest")]),
        _room("largest one-way payload", number(figures, "largest_one_way"), mapped),
    ]
    return bars("A one-way payload gets half", rows, BYTES)


def room_beside_others(figures: Figures) -> Picture:
    """What a call may take beside payloads that the receiver still holds."""
    whole = number(figures, "largest_call.alone")
    held = {
        "alone": (0.0, 0.0),
        "beside_unfreed": (number(figures, "unfreed_payload"), 0.0),
        "beside_all": (number(figures, "unfreed_payload"), number(figures, "other_payloads")),
        "with_first_freed": (0.0, number(figures, "other_payloads")),
        "with_all_freed": (0.0, 0.0),
    }
    labels = ("nothing held", "one payload", "three payloads", "the first freed: a hole", "all freed")
    rows = []
    for label, (name, (unfreed, others)) in zip(labels, held.items(), strict=True):
        largest = number(figures, f"largest_call.{name}")
        lost = max(whole - largest - unfreed - others, 0)
        parts = [
            Part(largest, "first", "largest call that still fits"),
            Part(unfreed, "second", "a payload not yet freed"),
            Part(others, "third", "payloads of other calls"),
            Part(lost, "rest", "free, but not in one piece; rounding"),
        ]
        rows.append(Bar(label, parts, quantity(largest, BYTES)))
    return bars("All outstanding payloads share the mapping", rows, BYTES)


def service_managers(figures: Figures) -> Picture:
    """What each generation of the Service Manager maps."""
    rows = [
        Bar(label, [Part(max(numbers(figures, f"bytes_mapped.{name}")), "first")])
        for name, label in (("in_c", "in C, to Android 10"), ("on_libbinder", "on libbinder, from 11 on"))
        if f"bytes_mapped.{name}" in figures
    ]
    if not rows:
        raise ValueError("bytes_mapped")
    return bars("What the Service Manager maps", rows, BYTES)


def intent(figures: Figures) -> Picture:
    """An Intent on its way in and out of the activity manager."""
    mapped = number(figures, "mapped")
    rows = [
        Bar("the activity manager maps", [Part(mapped, "rest")]),
        _room("largest call with an Intent", number(figures, "largest_call"), mapped),
        _room("largest delivery, one-way", number(figures, "largest_delivery"), mapped),
    ]
    return bars("An Intent is limited as any transaction", rows, BYTES)


def pages_for_payloads(figures: Figures) -> Picture:
    """The pages that are present after each payload, over the bytes that the mapping holds."""
    sizes, appeared = numbers(figures, "payload_sizes"), numbers(figures, "pages_appeared")
    if len(sizes) != len(appeared):
        raise ValueError("pages_appeared")
    held = accumulate(max(-(-size // ALIGNMENT) * ALIGNMENT, ALIGNMENT) for size in sizes)
    points = list(zip(held, accumulate(appeared), strict=True))
    return staircase(
        "Pages come with the payloads that need them",
        points,
        stair=number(figures, "page_size") or 1,
        x_unit=BYTES,
        y_unit="pages",
        x_name="bytes of payload that the mapping holds",
        y_name="pages present",
    )


def pages_after_freeing(figures: Figures) -> Picture:
    """Where the pages of a payload are while it is held, once it is freed, and once memory is short."""
    rows = []
    for name, label in (
        ("with_payload", "while the payload is held"),
        ("after_freeing", "after BC_FREE_BUFFER"),
        ("after_shrinking", "after the kernel's shrinkers ran"),
    ):
        driver = counts(figures, f"pages_counted_by_driver.{name}")
        present = number(figures, f"pages_present.{name}")
        active = min(driver.get("active", 0), present)
        parts = [
            Part(active, "first", "in use"),
            Part(max(present - active, 0), "second", "on the driver's list, still mapped"),
        ]
        rows.append(Bar(label, parts, quantity(present, "pages")))
    return bars("Freed pages stay until memory is short", rows, "pages")


def first_page(figures: Figures) -> Picture:
    """The pages present right after mmap."""
    mapped, present = number(figures, "pages_mapped"), number(figures, "pages_present")
    parts = [Part(present, "first", "present"), Part(max(mapped - present, 0), "rest", "not present")]
    row = Bar("right after mmap", parts, f"{present:g} of {quantity(mapped, 'pages')} present")
    return bars("mmap brings no page", [row], "pages")


def same_frames(figures: Figures) -> Picture:
    """The frames behind the receiver's buffer, and those in which the kernel finds the payload."""
    numbered = numbers(figures, "frame_numbers.first")
    received, found = (_text(figures, f"digest_{how}.first") for how in ("received", "in_frames"))
    rows = [("receiver's mapping", "first", numbered), ("kernel, /proc/kcore", "second", numbered)]
    alike = "the same" if received == found else "different"
    return frames("One payload, as receiver and kernel see it", rows, f"both read {alike} bytes there")


def sender_frames(figures: Figures) -> Picture:
    """Which frames the receiver's mapping has, and how many the sender has in common with it."""
    common = number(figures, "frames.in_common")
    rows = [
        Bar("behind the receiver's mapping", [Part(number(figures, "frames.of_receiver_mapping"), "first")]),
        Bar("behind the sender's payload", [Part(number(figures, "frames.of_sender_payload"), "second")]),
        Bar("behind the sender's own mapping", [Part(number(figures, "frames.of_sender_mapping"), "second")]),
        Bar("common to receiver and sender", [Part(common, "third")], quantity(common, "frames")),
    ]
    return bars("No frame is shared by sender and receiver", rows, "frames")


def _text(figures: Figures, name: str) -> Json:
    figure = figures.get(name)
    if figure is None or not isinstance(figure.value, str):
        raise ValueError(name)
    return figure.value
