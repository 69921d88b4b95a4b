"""Sequence diagrams: as a value, in Mermaid's language, and drawn."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.experiments.core.figure import Figure
from harness.experiments.core.json_values import from_json, to_json
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of
from harness.report.pictures.gallery import recorded

SVG = "{http://www.w3.org/2000/svg}"
BROADCAST = SequenceDiagram(
    (Lifeline(10, 10, "sender"), Lifeline(20, 21, "system_server"), Lifeline(20, 22, "system_server")),
    (
        Arrow(
            sender=0,
            receiver=1,
            kind=ArrowKind.CALL,
            interface="IActivityManager",
            called="broadcastIntentWithFeature",
            size=1308,
            sent=0.0,
            latency=0.25,
        ),
        Arrow(
            sender=1,
            receiver=0,
            kind=ArrowKind.REPLY,
            interface=None,
            called="reply",
            size=8,
            sent=0.5,
            latency=0.125,
        ),
        Arrow(
            sender=2,
            receiver=0,
            kind=ArrowKind.ONE_WAY,
            interface="IIntentReceiver",
            called="performReceive",
            size=None,
            sent=1.0,
            latency=None,
        ),
    ),
)

lifelines = st.builds(
    Lifeline, st.none() | st.integers(1, 5), st.none() | st.integers(1, 9), st.text(max_size=12)
)


@st.composite
def diagrams(draw: st.DrawFn) -> SequenceDiagram:
    lines = tuple(draw(st.lists(lifelines, max_size=6)))
    places = st.integers(0, len(lines) - 1)
    times = st.floats(0, 1e6)
    arrows = st.builds(
        Arrow,
        sender=places,
        receiver=places,
        kind=st.sampled_from(ArrowKind),
        interface=st.none() | st.text(max_size=9),
        called=st.text(max_size=30),
        size=st.none() | st.integers(0, 2**22),
        sent=times,
        latency=st.none() | times,
    )
    return SequenceDiagram(
        lines, tuple(draw(st.lists(arrows, max_size=4))) if lines else (), draw(st.text(max_size=20))
    )


def texts(drawn: str) -> list[str]:
    return [element.text or "" for element in fromstring(drawn).iter(f"{SVG}text")]


def classes(element: Element) -> set[str]:
    return set(element.get("class", "").split())


def test_it_shows_everything_that_is_known() -> None:
    written = texts(svg_of(BROADCAST))
    for text in (
        "sender (10)",
        "system_server (20)",
        "thread 21",
        "IActivityManager",
        "broadcastIntentWithFeature",
        "1,308 bytes, 0.250 ms",
        "8 bytes, 0.125 ms",
        "refused",
        "1.000 ms",
    ):
        assert text in written
    assert written.count("system_server (20)") == 1, "one box for both of its threads"


def test_the_kind_of_an_arrow_is_visible() -> None:
    drawn = svg_of(BROADCAST)
    arrows = [classes(path) for path in fromstring(drawn).iter(f"{SVG}path") if "arrow" in classes(path)]
    assert {"arrow", "call"} in arrows
    assert {"arrow", "reply"} in arrows
    assert {"arrow", "one-way", "refused"} in arrows
    assert re.search(r"\.one-way \{[^}]*stroke-dasharray", drawn)


def test_it_is_self_contained_and_has_a_dark_style() -> None:
    drawn = svg_of(BROADCAST)
    assert drawn.startswith("<svg")
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r"(href|src|url\()", drawn)


def test_lifelines_are_far_enough_apart_for_the_labels() -> None:
    lines = [path for path in fromstring(svg_of(BROADCAST)).iter(f"{SVG}path") if "lifeline" in classes(path)]
    first, second, _ = (float(path.get("d", "").removeprefix("M").partition(",")[0]) for path in lines)
    assert second - first > 6 * len("broadcastIntentWithFeature")


@given(diagrams())
def test_no_text_breaks_a_drawing_or_gets_out_of_it(diagram: SequenceDiagram) -> None:
    root = fromstring(svg_of(diagram))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "style",
        "defs",
        "title",
        "rect",
        "text",
        "path",
    }
    assert diagram.mermaid().startswith("sequenceDiagram")


@given(diagrams())
def test_a_diagram_survives_the_result_document(diagram: SequenceDiagram) -> None:
    assert from_json(SequenceDiagram, to_json(diagram)) == diagram


def test_a_result_is_drawn_from_its_evidence() -> None:
    drawn = recorded({"size": Figure(5, "mmap"), "hops": Figure(BROADCAST, "tracing")})
    assert drawn is not None
    assert drawn.svg == svg_of(BROADCAST)


@pytest.mark.parametrize("value", [5, "lifelines", {"lifelines": 1}, [], None])
def test_a_result_without_a_diagram(value: object) -> None:
    assert recorded({"what": Figure(value, "where")}) is None


def test_a_diagram_is_saved_as_its_name_ends(tmp_path: Path) -> None:
    BROADCAST.save(tmp_path / "hops.svg")
    BROADCAST.save(str(tmp_path / "hops.mmd"))
    assert (tmp_path / "hops.svg").read_text() == BROADCAST.svg() == BROADCAST._repr_svg_()
    assert (tmp_path / "hops.mmd").read_text() == BROADCAST.mermaid()
    with pytest.raises(UsageError, match="the name of a diagram's file ends in"):
        BROADCAST.save(tmp_path / "hops.png")
