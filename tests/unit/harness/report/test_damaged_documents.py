"""Documents with any damage: each is refused with a reason, or else shown by every view."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.experiments.core.json_values import DEEPEST, Json, to_json
from harness.report import difference, stored
from harness.report.document import Document
from harness.report.formats.report import Report
from harness.report.matrix import Matrix
from harness.report.page import html
from harness.report.terminal import diff, matrix_table, results
from harness.report.terminal.console import console_for
from tests.support.fake_documents import ARM_16K, document_on, matrix_of

GOOD = document_on()
WHOLE = {
    Document: to_json(GOOD),
    Matrix: to_json(matrix_of(GOOD, document_on(ARM_16K, target="arm"), failure="lost")),
}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, 10**4250, -(10**4000)])
    | st.floats()
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn, whole: Json) -> Any:
    """The document with some of its values replaced or removed, at any depth."""
    document: Any = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        place = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4)):
                place = place[key]
                continue
            if draw(st.booleans()):
                del place[key]
            else:
                place[key] = draw(ANYTHING)
            break
    return document


@pytest.mark.parametrize("kind", [Document, Matrix])
@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_refused_or_shown(
    tmp_path: Path, kind: type[Document] | type[Matrix], data: st.DataObject
) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(data.draw(damaged(WHOLE[kind]))))
    try:
        document = difference.load(path)
    except UsageError:
        return
    console = console_for(io.StringIO())
    for pair in difference.document_pairs(document, GOOD):
        diff.show(pair, console)
    if isinstance(document, Document):
        results.show(document, console)
        diff.show_judged_again(document, GOOD, console)
    else:
        matrix_table.show(document, console)
    html.render(Report(document))
    document.write(path)
    assert difference.load(path) is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": []}', "is not a result document"),
        ('{"schema": {}}', "is not a result document"),
        (f'{{"schema": {"9" * 5000}}}', "is not JSON: Exceeds the limit"),
        ("[" * 100_000, "is not JSON: it is nested too deeply"),
        ("", "is not a result document: it is empty"),
        ("\n", "is not a result document: it is empty"),
        ('{\n  "schema": "binder-har', "is not whole: it ends in the middle of line 2. Copy it again"),
        ('{\n  "schema": "x",\n  "device": {\n', "is not whole: it ends in the middle of line 3"),
        (
            "binder state:",
            r"is not JSON: Expecting value: .*; logs and dumps are for `binder-harness inspect`",
        ),
        ("[" * (DEEPEST + 1) + "1" + "]" * (DEEPEST + 1), "is not JSON: it is nested too deeply"),
    ],
)
def test_what_json_allows_and_no_document_has(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        difference.load(tmp_path / "run.json")


def test_a_number_that_is_no_float_is_damage(tmp_path: Path) -> None:
    document: Any = copy.deepcopy(WHOLE[Document])
    document["claims"][0]["seconds"] = 10**4000
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=r"claims\[0\]\.seconds is 1000.*…, not a number"):
        difference.load(tmp_path / "run.json")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("started", "soon", r'the document\.started is "soon", not a time with its zone'),
        ("ended", "2026-11-21T12:00:00", r"the document\.ended is .*, not a time with its zone"),
    ],
)
def test_times_that_cannot_be_compared_are_damage(
    tmp_path: Path, field: str, value: str, message: str
) -> None:
    document: Any = {**copy.deepcopy(cast(Any, WHOLE[Document])), field: value}
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=message):
        difference.load(tmp_path / "run.json")


def test_a_sentence_without_its_figures_is_damage(tmp_path: Path) -> None:
    document: Any = copy.deepcopy(WHOLE[Document])
    document["claims"][0]["figures"] = {}
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=r"claims\[0\]\.figures lacks errno"):
        difference.load(tmp_path / "run.json")


@pytest.mark.parametrize("status", [-1, 5, 130])
def test_a_finished_run_with_the_exit_status_of_no_run_is_damage(tmp_path: Path, status: int) -> None:
    matrix: Any = copy.deepcopy(WHOLE[Matrix])
    matrix["columns"][0]["exit_code"] = status
    (tmp_path / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(UsageError, match=rf"columns\[0\]\.exit_code is {status}, which no run"):
        difference.load(tmp_path / "matrix.json")


def test_a_path_need_not_be_utf8(tmp_path: Path) -> None:
    path = tmp_path / "run\udcff.json"
    GOOD.write(path)
    assert Document.load(path) == GOOD
    path.write_text("{")
    with pytest.raises(UsageError, match=r"run\\udcff\.json is not whole"):
        Document.load(path)
    stored.check_writable(path)
