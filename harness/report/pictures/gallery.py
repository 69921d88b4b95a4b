"""The table of pictures: which claims have one, and from which of their figures it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.experiments.core.claim import Topic
from harness.experiments.core.json_values import from_json
from harness.experiments.core.result import Result
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of
from harness.report.pictures import copying, memory, protocol
from harness.report.pictures.canvas import Picture
from harness.report.pictures.values import Figures

Draw = Callable[[Figures], Picture]

PICTURES: dict[str, Draw] = {
    "mmap.cap-4m": memory.cap,
    "mmap.async-half": memory.one_way_half,
    "mmap.lazy-pages": memory.pages_for_payloads,
    "mmap.freed-at-once": memory.pages_after_freeing,
    "mmap.first-page": memory.first_page,
    "mmap.same-frame": memory.same_frames,
    "mmap.sender-shares": memory.sender_frames,
    "limit.largest-sync": memory.largest_call,
    "limit.largest-oneway": memory.largest_one_way,
    "limit.shared-by-calls": memory.room_beside_others,
    "limit.servicemanager-128k": memory.service_managers,
    "limit.intent": memory.intent,
    "copy.scatter-gather": copying.parts_of_a_call,
    "proto.call-sequence": protocol.call,
    "proto.refcounts": protocol.reference_counts,
    "proto.looper": protocol.loopers,
    "proto.free-buffer": protocol.buffers,
    "oneway.in-turn": protocol.one_way_queue,
}


OF_TOPICS: dict[Topic, Callable[[Mapping[str, Figures]], Picture]] = {Topic.COPIES: copying.of_each_byte}
"""Pictures from the figures of several claims of a topic, by the claims' ids."""


def picture_of(result: Result) -> Picture | None:
    """The picture of a result; None for one without a picture, or without the figures for it."""
    if result.id in PICTURES:
        try:
            return PICTURES[result.id](result.figures)
        except ValueError:
            return None
    return recorded(result.figures)


def picture_of_topic(topic: Topic, results: Iterable[Result]) -> Picture | None:
    """The picture of a topic, drawn from the figures of its claims; None for one without a picture."""
    if topic not in OF_TOPICS:
        return None
    try:
        return OF_TOPICS[topic]({result.id: result.figures for result in results})
    except ValueError:
        return None


def recorded(figures: Figures) -> Picture | None:
    """The first sequence diagram among the figures; a wide one."""
    for figure in figures.values():
        if isinstance(figure.value, dict) and figure.value.keys() >= {"lifelines", "arrows"}:
            diagram = from_json(SequenceDiagram, figure.value)
            return Picture("Transactions from process to process, as recorded", svg_of(diagram))
    return None
