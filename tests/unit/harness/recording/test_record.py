"""A live recording: what the trace does not show yet is read from /proc."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.events import parse_trace
from harness.kernel.tracing.recording import Lost
from harness.recording.record import TransactionRecord
from tests.support.fake_files import FakeFiles

REFUSED = """\
      app-21   (-----) [000] ..... 1.000010: binder_transaction: transaction=4 dest_node=3 dest_proc=30 \
dest_thread=0 reply=0 flags=0x10 code=0x3
"""


@pytest.mark.parametrize(
    ("files", "process"),
    [({"/proc/21/status": "Name:\tapp\nTgid:\t20\nPid:\t21\n"}, 20), ({}, None)],
    ids=["running", "ended"],
)
def test_the_process_of_a_thread_that_the_kernel_has_not_noted_yet(
    files: dict[str, str], process: int | None
) -> None:
    recording = SimpleNamespace(events=lambda: parse_trace(REFUSED).events, lost=Lost(0, 0, 0))
    record = TransactionRecord(cast(Any, recording), FakeFiles(files), code_names)
    (hop,) = record.hops
    assert (hop.sender.process, hop.sender.thread) == (process, 21)
