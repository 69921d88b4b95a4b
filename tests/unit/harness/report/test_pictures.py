"""The pictures: what they show of true figures, and that no figure can break them."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.figure import Figure
from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import LETTER, WIDTH, Picture
from harness.report.pictures.gallery import OF_TOPICS, PICTURES
from harness.report.pictures.scale import Scale, tick

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["caller BC_TRANSACTION", "success", 4096, 1040384]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = sorted(
    {
        *("mapped", "bytes_mapped", "largest_call", "largest_call_with_object", "largest_one_way"),
        *("largest_oneway", "largest_call_beside", "largest_delivery", "limits", "threads_requested"),
        *("payload_sizes", "pages_appeared", "page_size", "buffers_after_each_step", "payload_size"),
        *("size_and_bytes_copied_of_each_part", "order_of_both_sides", "call_and_reply", "bytes_copied"),
        *("handle.after_acquire", "pages_mapped", "pages_present", "copies_of_each_byte.into_pipe"),
        *("copies_of_each_byte.out_of_pipe", "frame_numbers.first", "digest_received.first"),
        *("digest_in_frames.first", "bytes_mapped.in_c", "lifelines"),
        *("codes.in_order", "codes.first", "codes.meanwhile"),
    }
)


def elements(picture: Picture, tag: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(picture.svg)
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def texts(picture: Picture) -> list[str]:
    return [element.text or "" for element in elements(picture, "text")]


def figures(**values: Any) -> dict[str, Figure]:
    return {name.replace("__", "."): Figure(value, "a test") for name, value in values.items()}


def test_bars_are_to_scale_and_say_what_they_are() -> None:
    halves = [Part(500, "first", "taken"), Part(500, "rest", "left")]
    rows = [Bar("all", [Part(1000, "rest")]), Bar("half", halves)]
    picture = bars("A mapping", rows, "bytes")
    widths = [float(box.get("width", 0)) for box in elements(picture, "rect") if box.get("height") == "16"]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert {"all", "half", "1,000 bytes", "taken", "left"} <= set(texts(picture))
    title = elements(picture, "title")[0].text
    assert title == "A mapping: all, 1,000 bytes; half, 1,000 bytes"


@given(st.text(st.characters(categories=["L", "N"]), max_size=90), st.integers(0, 1 << 40))
def test_a_label_does_not_run_into_the_text_beside_it(label: str, value: int) -> None:
    shown, text = texts(bars("Something", [Bar(label, [Part(value, "first")])], "bytes"))[-2:]
    assert (len(shown) + len(text)) * LETTER < WIDTH
    assert shown == label or label.startswith(shown.removesuffix("…"))


def test_a_picture_without_a_quantity_is_drawn() -> None:
    assert elements(bars("Nothing", [Bar("none", [Part(0, "first")])], "copies"), "rect")


@pytest.mark.parametrize(
    ("largest", "unit", "labels"),
    [
        (1040384, "bytes", ["0", "256 KiB", "512 KiB", "768 KiB"]),
        (8 << 20, "bytes", ["0", "2 MiB", "4 MiB", "6 MiB", "8 MiB"]),
        (10, "pages", ["0", "5", "10"]),
        (2, "copies", ["0", "1", "2"]),
        (0, "copies", ["0"]),
    ],
)
def test_ticks_are_round(largest: float, unit: str, labels: list[str]) -> None:
    ticks = Scale(largest, unit, 0, 100).ticks()
    assert [tick(value, unit) for value in dict.fromkeys(ticks)] == labels


def test_the_staircase_climbs_a_page_at_a_time() -> None:
    found = figures(payload_sizes=[1, 4096, 8192], pages_appeared=[1, 1, 2], page_size=4096)
    picture = PICTURES["mmap.lazy-pages"](found)
    assert len(elements(picture, "circle")) == 3
    (stairs,) = [path for path in elements(picture, "path") if path.get("class") == "stairs"]
    assert len(re.findall("L", stairs.get("d") or "")) == 2 * 4  # 12,296 bytes lie in four pages


def test_a_call_is_drawn_in_the_order_that_was_traced() -> None:
    order = ["caller BC_TRANSACTION", "callee BR_TRANSACTION", "callee BC_REPLY", "caller BR_REPLY"]
    shown = texts(PICTURES["proto.call-sequence"](figures(order_of_both_sides=order)))
    commands = [text for text in shown if text.startswith("B")]
    assert commands == [entry.partition(" ")[2] for entry in order]


def test_copies_are_compared_across_claims() -> None:
    (draw,) = OF_TOPICS.values()
    found = {
        "copy.binder-one": figures(
            copies_of_each_byte__while_sending=[1], copies_of_each_byte__while_receiving=[0]
        ),
        "copy.others-two": figures(copies_of_each_byte__into_pipe=[1], copies_of_each_byte__out_of_pipe=[1]),
        "copy.shm-zero": figures(bytes_copied=0),
    }
    shown = texts(draw(found))
    for name, copies in (("Binder", "1 copy"), ("pipe", "2 copies"), ("shared memory", "0 copies")):
        assert shown[shown.index(name) + 1] == copies


def test_every_picture_belongs_to_a_claim() -> None:
    assert set(PICTURES) <= set(CLAIMS.all())


def test_one_way_calls_wait_for_each_other() -> None:
    draw = PICTURES["oneway.in-turn"]
    shown = texts(draw(figures(codes__first=[1], codes__meanwhile="none", codes__in_order=[1, 2, 3])))
    assert {"1 of 3 calls", "1, 2 and 3", "in the object's queue"} <= set(shown)
    shown = texts(draw(figures(codes__first=[1], codes__meanwhile=[2], codes__in_order=[1, 2, 3])))
    assert "2 of 3 calls" in shown


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
def test_no_figures_break_a_picture(values: dict[str, object]) -> None:
    found = {name: Figure(value, "a test") for name, value in values.items()}
    drawings = [partial(draw, found) for draw in PICTURES.values()]
    drawings += [partial(draw, dict.fromkeys(CLAIMS.all(), found)) for draw in OF_TOPICS.values()]
    for draw in drawings:
        try:
            picture = draw()
        except ValueError:
            continue
        root = ElementTree.fromstring(picture.svg)
        assert float(root.get("width", 0)) == WIDTH
        for box in elements(picture, "rect"):
            assert float(box.get("width", 0)) >= 0
            assert float(box.get("x", 0)) + float(box.get("width", 0)) <= WIDTH + 1
