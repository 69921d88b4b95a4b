"""Result documents of fake devices, with results of claims that were judged on them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, cast

from emulator.base.errors import ExitCode
from harness.device.facts import Facts
from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.core.judge import judge
from harness.experiments.core.result import Result
from harness.report.document import Document
from harness.report.failure import Failure
from harness.report.matrix import Column, Matrix
from tests.support.fake_device import FACTS, FakeDevice, Measured, choose, make_claim

ARM = dataclasses.replace(FACTS, architecture="aarch64")
ARM_16K = dataclasses.replace(ARM, page_size=16384)


def limit_on(facts: Facts) -> Result:
    """A claim whose figures depend on the page size."""
    claim = make_claim("limit.zygote", _size_on, _limit, topic=Topic.LIMITS)
    return judge(claim, cast(Any, FakeDevice(facts)))


def _size_on(device: FakeDevice) -> Measured:
    return Measured((1 << 20) - 2 * device.facts.page_size)


def _limit(m: Measured, facts: Facts) -> Finding:
    return Finding.whether(
        True,
        "{mapped} are mapped by process {pid}, and a page has {page_size}",
        mapped=Figure(m.number, "/proc/PID/maps", expected=m.number, unit="bytes"),
        page_size=Figure(facts.page_size, "AT_PAGESZ", unit="bytes"),
        pid=Figure(facts.page_size + 7, "getpid", varies=True),
    )


def document_on(facts: Facts | None = FACTS, *ids: str, target: str = "embedded") -> Document:
    """The results of the claims with these ids, by default those that are as expected, and of `limit_on`."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat(timespec="seconds")
    claims: tuple[Result, ...] = ()
    if facts is not None:
        judged = [judge(claim, cast(Any, FakeDevice(facts))) for claim in choose(*ids).values()]
        claims = (*judged, limit_on(facts))
    return Document(harness="0.1.0", target=target, started=now, ended=now, device=facts, claims=claims)


def changed(document: Document, claim: str, **fields: object) -> Document:
    """The document with other fields in the result of one claim."""
    claims = tuple(
        dataclasses.replace(result, **cast(Any, fields)) if result.id == claim else result
        for result in document.claims
    )
    assert claims != document.claims
    return dataclasses.replace(document, claims=claims)


def matrix_of(*documents: Document, failure: str = "", exit_code: ExitCode = ExitCode.AS_EXPECTED) -> Matrix:
    """A matrix of devices; the failure is the last one's."""
    last = len(documents) - 1
    return Matrix(
        harness="0.1.0",
        columns=tuple(
            Column(
                target=document.target,
                exit_code=exit_code if place == last else ExitCode.AS_EXPECTED,
                failures=(Failure(message=failure, exit_code=exit_code),)
                if failure and place == last
                else (),
                document=document,
            )
            for place, document in enumerate(documents)
        ),
    )
