"""The pictures of benchmarks, from the file that `python -m bench --json` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.__main__ import _as_json
from bench.rows import Figure, Row
from emulator.base.errors import UsageError
from harness.report.formats.report import Report
from harness.report.page.html import render
from harness.report.pictures.benchmarks import Benchmarks
from tests.support.fake_documents import document_on

BINDER = Figure("Binder", (40.0, 50.0, 60.0, 70.0))
PIPE = Figure("pipe", (400.0, 500.0, 600.0))
ROWS = [
    Row("call.0B, latency", "µs", BINDER, PIPE),
    Row("call.4KiB, latency", "µs", BINDER, PIPE),
    Row("call.1MiB, latency", "µs", PIPE, BINDER),
    Row("call.0B, throughput", "per s", BINDER, PIPE),
    Row("trip.adb", "ms", BINDER, PIPE),
    Row("one-way.4KiB", failure="the device was lost"),
]


def written(directory: Path, rows: list[Row]) -> Path:
    file = directory / "bench.json"
    document = {"device": "x86_64, emulated", "rows": [_as_json(row) for row in rows]}
    file.write_text(json.dumps(document))
    return file


def test_each_quantity_over_several_sizes_is_a_picture(tmp_path: Path) -> None:
    (picture,) = Benchmarks.load(written(tmp_path, ROWS)).pictures()
    assert picture.title == "Latency of a call and its reply"
    root = ElementTree.fromstring(picture.svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"Binder", "pipe", "none", "4 KiB", "1 MiB", "µs", "10", "100", "1,000"} <= set(texts)
    dots = [element for element in root.iter() if element.tag.endswith("circle")]
    heights = [float(dot.get("cy", 0)) for dot in dots]
    assert len(dots) == 6
    assert heights[0] == heights[1] > heights[3] == heights[4], "50 µs is below 500 µs"


def test_a_page_has_them_with_the_device(tmp_path: Path) -> None:
    page = render(Report(document_on(), benchmarks=Benchmarks.load(written(tmp_path, ROWS))))
    assert "Latency and throughput" in page
    assert "x86_64, emulated" in page
    assert "Latency and throughput" not in render(Report(document_on()))


@pytest.mark.parametrize("value", [None, [], {}, {"device": 1, "rows": []}, {"device": "x", "rows": [1]}])
def test_another_file_is_refused(tmp_path: Path, value: Any) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(value))
    with pytest.raises(UsageError, match="holds no benchmarks: the document"):
        Benchmarks.load(tmp_path / "bench.json")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Benchmarks.load(tmp_path / "none.json")
