from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from emulator.base.errors import ExitCode, UsageError
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import to_json
from harness.report.matrix import Matrix
from harness.report.terminal import matrix_table
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, changed, document_on, matrix_of


def printed(matrix: Matrix, width: int = 120) -> list[str]:
    stream = io.StringIO()
    matrix_table.show(matrix, Console(file=stream, width=width, highlight=False))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def line_of(lines: list[str], claim: str) -> list[str]:
    return next(line for line in lines if line.startswith(claim)).split()


def test_a_claim_on_which_devices_agree_is_one_line() -> None:
    lines = printed(matrix_of(document_on(ARM), document_on(ARM_16K)))
    assert line_of(lines, "mmap.once") == ["mmap.once", "✓", "✓"]
    assert line_of(lines, "mmap.first-page") == ["mmap.first-page", "✗", "✗"]
    assert line_of(lines, "copy.binder-one") == ["copy.binder-one", "·", "·"]
    assert not any("What mmap.once states." in line for line in lines)


def test_figures_that_differ_have_a_row_each() -> None:
    lines = printed(matrix_of(document_on(FACTS), document_on(ARM), document_on(ARM_16K)))
    place = next(place for place, line in enumerate(lines) if line.startswith("limit.zygote"))
    assert [line.split() for line in lines[place : place + 4]] == [
        ["limit.zygote", "✓", "✓", "✓"],
        ["What", "limit.zygote", "states."],
        ["mapped,", "bytes", "1,040,384", "1,040,384", "1,015,808"],
        ["page", "size,", "bytes", "4,096", "4,096", "16,384"],
    ]
    assert lines[-1] == "5 claims on 3 devices: differences in 1, all as expected"


def test_a_figure_is_shown_as_far_as_devices_differ_in_it() -> None:
    steps = [f"step {number}" for number in range(20)]
    figures = {target: {"steps": Figure([*steps, target], "strace")} for target in ("one", "other")}
    documents = [changed(document_on(target=t), "mmap.once", figures=figures[t]) for t in figures]
    lines = printed(matrix_of(*documents))
    place = lines.index("  steps")
    shown = " ".join(line.strip() for line in lines[place + 1 : place + 5])
    assert shown == f"1: {', '.join(steps)} and one 2: {', '.join(steps)} and other"


def test_where_verdicts_differ_each_finding_is_shown_with_its_devices() -> None:
    other = changed(document_on(target="b"), "mmap.once", sentence="success", verdict=Verdict.REFUTED)
    lines = printed(matrix_of(document_on(target="a"), other, document_on(target="c")))
    assert line_of(lines, "mmap.once") == ["mmap.once", "✓", "✗", "✓"]
    assert "    1, 3: it failed with 16" in lines
    assert "    2: success" in lines
    assert lines[-1] == "5 claims on 3 devices: differences in 1, 1 of them in the verdict, all as expected"


def test_what_is_not_as_known_is_seen_where_all_devices_agree() -> None:
    documents = [document_on(FACTS, "limit.figure", target=target) for target in ("a", "b")]
    lines = printed(matrix_of(*documents))
    assert line_of(lines, "limit.figure") == ["limit.figure", "✓", "UNEXPECTED", "✓", "UNEXPECTED"]
    assert "1 unexpected" in lines[-1]


def test_a_device_that_could_not_be_had_is_a_column_that_says_why() -> None:
    missing = document_on(None, target="avd:none")
    lines = printed(
        matrix_of(document_on(), missing, failure="There is no emulator.", exit_code=ExitCode.SETUP_MISSING)
    )
    assert "2  avd:none  no device" in lines
    assert "   There is no emulator." in lines
    assert line_of(lines, "mmap.once") == ["mmap.once", "✓", "-"]
    assert lines[-1] == "5 claims on 2 devices: no difference, failures on 1"


def test_one_claim_on_one_device_is_not_several() -> None:
    lines = printed(matrix_of(dataclasses.replace(document_on(), claims=document_on().claims[:1])))
    assert lines[-1] == "1 claim on 1 device: no difference, all as expected"


def test_an_interrupted_matrix_says_how_far_it_came() -> None:
    whole = document_on()
    first, *others = whole.claims
    part = dataclasses.replace(
        whole,
        target="part",
        interrupted="SIGINT",
        claims=(first,),
        not_judged=tuple(result.id for result in others),
    )
    rest = (first.id, *part.not_judged)
    none = dataclasses.replace(document_on(None, target="none"), interrupted="SIGINT", not_judged=rest)
    lines = printed(dataclasses.replace(matrix_of(part, none), interrupted="SIGINT"))
    assert lines[-1] == (
        "1 of 5 claims on 2 devices: no difference, interrupted by SIGINT after 1 of 10 judgements"
    )
    assert lines.count("   the run was interrupted by SIGINT") == 2
    assert "   4 of 5 claims were not judged" in lines
    assert "   5 of 5 claims were not judged" in lines
    lines = printed(dataclasses.replace(matrix_of(none), interrupted="SIGINT"))
    assert lines[-1].startswith("0 of 5 claims on 1 device: no claim was judged, interrupted by SIGINT")
    lines = printed(dataclasses.replace(matrix_of(whole, none), interrupted="SIGINT"))
    assert lines[-1].startswith("5 claims on 2 devices: no difference, interrupted by SIGINT after ")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits(width: int) -> None:
    matrix = matrix_of(document_on(FACTS), document_on(ARM_16K))
    assert max(map(len, printed(matrix, width))) <= width


def test_a_matrix_survives_its_file(tmp_path: Path) -> None:
    matrix = matrix_of(
        document_on(FACTS),
        document_on(None, target="avd:none"),
        failure="of a test",
        exit_code=ExitCode.DEVICE_LOST,
    )
    matrix.write(tmp_path / "matrix.json")
    assert Matrix.load(tmp_path / "matrix.json") == matrix
    assert matrix.exit_code is ExitCode.DEVICE_LOST


def test_damage_is_named(tmp_path: Path) -> None:
    file = tmp_path / "matrix.json"
    value = cast(dict[str, Any], to_json(matrix_of(document_on())))
    (column,) = value["columns"]
    damaged = column | {"document": column["document"] | {"device": None}}
    for changes, message in (
        ({"schema_version": 99}, "version 99"),
        ({"schema": "binder-harness/results"}, "its schema is not binder-harness/matrix"),
        ({"columns": [{"target": "embedded"}]}, r"columns\[0\] lacks exit_code, failures, document$"),
        ({"columns": value["columns"] * 2}, r"columns\[1\]\.target is 'embedded', and so is the document"),
        ({"columns": [damaged]}, r"columns\[0\]\.document\.device is null, though claims were judged$"),
        ({"columns": 7}, "columns is 7, not a list$"),
    ):
        file.write_text(json.dumps(value | changes))
        with pytest.raises(UsageError, match=message):
            Matrix.load(file)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_heading_has_the_devices_above_their_cells(width: int) -> None:
    """However much distinguishes them: with more than four lines, each heading was a list of their names."""
    new = dataclasses.replace(FACTS, kernel_release="7.3.4")
    devices = [dataclasses.replace(FACTS, kernel_release="6.1.0"), new]
    devices += [dataclasses.replace(new, driver="Rust"), ARM_16K]
    lines = printed(matrix_of(*map(document_on, devices)), width)
    headings = [line for line in lines if line.startswith(("The mapping", "Service manager"))]
    assert [line.split()[-4:] for line in headings] == [["1", "2", "3", "4"]] * 2
    if width >= 120:
        (place,) = [place for place, line in enumerate(lines) if line.startswith("The mapping")]
        assert lines[place + 4].split("  ")[-1].strip() == "driver in C"
        assert "driver in Rust" in lines[place + 4]
