"""The files of a recording: each has every transaction, and says what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import FacilityMissingError, UsageError
from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.binder_transactions import End as HopEnd
from harness.kernel.tracing.binder_transactions import Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.exports import diagram_file
from harness.recording.exports.export import Beginning, End
from harness.recording.exports.files import KINDS, export_to
from harness.recording.exports.json_file import read_recording
from harness.recording.statistics import Statistics
from tests.support.made_hops import hops

BEGINNING = Beginning("emulator-5554", "6.12.1", "x86_64", "16", "boot", code_names)
NOTHING = Lost(0, 0, 0)


def write(path: Path, batches: Sequence[Sequence[Hop]], lost: Lost = NOTHING) -> None:
    export, statistics = export_to(path), Statistics(code_names)
    export.begin(BEGINNING)
    for batch in batches:
        export.add(batch)
        statistics.add(batch)
    export.end(End(1.5, lost, 0, statistics))


@given(st.lists(st.lists(hops(), max_size=4), max_size=4), st.integers(0, 3))
def test_a_json_document_is_read_as_it_was_written(batches: list[list[Hop]], overwritten: int) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "recording.json"
        write(path, batches, Lost(overwritten, 0, 0))
        document = json.loads(path.read_text())
        read = read_recording(path)
    written = [hop for batch in batches for hop in batch]
    assert list(read) == written
    assert read.lost == Lost(overwritten, 0, 0)
    assert document["complete"] is (overwritten == 0)
    assert [read.called(hop) for hop in written] == [
        replace(read, names=code_names).called(hop) for hop in written
    ]
    assert sum(row["calls"] + row["one_way"] for row in document["summary"]) == sum(
        not hop.reply for hop in written
    )


@given(st.lists(hops(), max_size=6))
def test_text_has_a_line_for_each_transaction(made: list[Hop]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "recording.txt"
        write(path, [made], Lost(2, 0, 0))
        text = path.read_text()
    assert text.count(" ms  ") >= len(made)
    assert "INCOMPLETE: 2 events overwritten" in text
    assert f"# {len(made)} transactions in 1.5 s" in text


@pytest.mark.parametrize("text", ["", "{}", "[", '{"format": "other", "version": 1}', "[" * 100_000])
def test_another_file_is_no_recording(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"other\.json is "):
        read_recording(path)


@pytest.mark.parametrize("ending", [".mmd", ".svg"])
def test_a_diagram_says_how_much_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(diagram_file, "MOST", 3)
    path = tmp_path / f"recording{ending}"
    hop = a_call()
    write(path, [[hop, hop], [hop, hop, hop]])
    if ending == ".svg":
        parse(path)
    assert "2 later transactions are left out" in path.read_text()


def a_call() -> Hop:
    return Hop(
        number=1,
        sender=HopEnd(1, 1, "a"),
        receiver=HopEnd(2, 2, "b"),
        node=1,
        code=1,
        reply=False,
        one_way=False,
        sent=0.0,
        received=0.5,
        data_size=8,
    )


@pytest.mark.parametrize("ending", KINDS)
def test_nothing_was_recorded(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"recording{ending}"
    write(path, [])
    assert path.stat().st_size > 0


def test_another_ending_is_refused_with_those_that_are_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is '\.xml'. Endings: \.json \.txt"):
        export_to(tmp_path / "recording.xml")


def test_without_perfetto_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace", None)
    with pytest.raises(FacilityMissingError, match=r"pip install 'binder-harness\[perfetto\]'"):
        export_to(tmp_path / "recording.pftrace")
