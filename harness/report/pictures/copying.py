"""Pictures of copies: how often each byte is copied, by whom, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping

from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import Picture
from harness.report.pictures.scale import BYTES, quantity
from harness.report.pictures.values import LARGEST, MOST, Figures, number, numbers

PREFIX = "copies_of_each_byte."
PARTS = "size_and_bytes_copied_of_each_part"
NAMES = {
    "system_v_message_queue": "System V message queue",
    "posix_message_queue": "POSIX message queue",
}
INTO, OUT_OF = f"{PREFIX}into_", f"{PREFIX}out_of_"


def _copies(label: str, into: float, out: float) -> Bar:
    parts = [Part(into, "first", "while it is sent"), Part(out, "second", "while it is received")]
    return Bar(label, parts, quantity(into + out, "copies"))


def of_each_byte(results: Mapping[str, Figures]) -> Picture:
    """The copies of each byte by Binder, by ordinary IPC and in shared memory, from three claims' figures."""
    rows = []
    if "copy.binder-one" in results:
        binder = results["copy.binder-one"]
        into, out = (max(numbers(binder, f"{PREFIX}while_{what}")) for what in ("sending", "receiving"))
        rows.append(_copies("Binder", into, out))
    others = results.get("copy.others-two", {})
    for channel in (name.removeprefix(INTO) for name in others if name.startswith(INTO)):
        into, out = (max(numbers(others, way + channel)) for way in (INTO, OUT_OF))
        rows.append(_copies(NAMES.get(channel, channel.replace("_", " ")), into, out))
    if "copy.shm-zero" in results and number(results["copy.shm-zero"], "bytes_copied") == 0:
        rows.append(_copies("shared memory", 0, 0))
    if not rows:
        raise ValueError(PREFIX)
    return bars("How often each byte is copied", rows, "copies")


def parts_of_a_call(figures: Figures) -> Picture:
    """Of each part of a call with further buffers: how large it is, and how much of it was copied."""
    figure = figures.get(PARTS)
    value = figure.value if figure is not None else None
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise ValueError(PARTS)
    rows = []
    for entry in value:
        match entry:
            case [str(what), int(size), int(copied)] if 0 <= copied <= size <= LARGEST:
                parts = [
                    Part(float(copied), "first", "copied once from the sender"),
                    Part(float(size - copied), "rest", "written by the driver"),
                ]
                rows.append(Bar(what, parts, quantity(size, BYTES)))
            case _:
                raise ValueError(PARTS)
    return bars("The parts of one call", rows, BYTES)
