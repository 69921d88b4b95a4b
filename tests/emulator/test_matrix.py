"""What differs between devices, found on real ones: what only varies from run to run does not."""

from __future__ import annotations

from harness.matrix.local import judge_locally
from harness.matrix.selection import Selection
from harness.report.comparison import claim_rows, differing_facts
from tests.support.recorder import Recorder

WITH_VARYING_FIGURES = (
    "mmap.same-frame",
    "mmap.sender-shares",
    "proto.sender-identity",
    "sm.first-ping",
    "sm.death-forgets",
    "broadcast.delivery",
    "call.marshalling",
)
ALIKE = ("embedded", "embedded?processors=1")


def test_devices_that_are_alike_do_not_differ() -> None:
    recorder = Recorder()
    judge_locally(ALIKE, Selection(WITH_VARYING_FIGURES), jobs=2, view=recorder)
    documents = [column.document for column in recorder.columns]
    rows = claim_rows(documents)
    assert [row.id for row in rows if row.differs] == []
    assert sorted(row.id for row in rows) == sorted(WITH_VARYING_FIGURES)
    assert any(len({result.measured for result in row.judged}) > 1 for row in rows)
    facts = differing_facts([document.device for document in documents])
    assert [row.name for row in facts] == ["processors"]
