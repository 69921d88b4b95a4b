"""A page is under 1 MB, and has what devices have in common once."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from markupsafe import escape

from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.result import Result
from harness.experiments.limits.process_mappings import measure_app_mapping
from harness.report.document import Document
from harness.report.formats.report import Report
from harness.report.matrix import Matrix
from harness.report.page import html
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, document_on, matrix_of
from tests.support.verdicts import VerdictFunction
from tests.unit.harness.experiments.test_every_claim import CASES

MOST = 1_000_000
"""Bytes of a page."""
FOR_ONE_MORE = 300
"""Bytes for each claim on one more device that behaves like another."""
KERNELS = ["6.1.0-57-amd64", "6.12.117+deb12-amd64", "7.3.4+deb13-amd64"]
DEVICES = [*(dataclasses.replace(FACTS, kernel_release=release) for release in KERNELS), ARM, ARM_16K]


def measured_for(verdict: VerdictFunction) -> list[object]:
    return [measured for function, measured, _ in CASES if function is verdict]


def judged(claim: Claim, facts: Facts, place: int) -> Result:
    """A result as a device has it; on each place, something else was measured, as far as there is."""
    measured = measured_for(claim.verdict)
    finding = claim.verdict(measured[place % len(measured)], facts)
    return Result.of(claim, finding, finding.verdict, seconds=0.1)


def document(facts: Facts, place: int) -> Document:
    claims = tuple(judged(claim, facts, place) for claim in CLAIMS.all().values())
    return dataclasses.replace(document_on(facts, target=f"embedded?{place}"), claims=claims)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    """Five devices, which differ far more than real ones do."""
    return [document(facts, place) for place, facts in enumerate(DEVICES)]


def size_of(shown: Document | Matrix) -> int:
    return len(html.render(Report(shown)).encode())


def test_a_page_of_five_devices_is_under_a_megabyte(documents: list[Document]) -> None:
    assert size_of(documents[0]) < MOST / 2
    assert size_of(matrix_of(*documents)) < MOST


def test_a_device_like_another_adds_little(documents: list[Document]) -> None:
    three, four = (matrix_of(*documents[:2], *[documents[2]] * count) for count in (1, 2))
    assert 0 < size_of(four) - size_of(three) < FOR_ONE_MORE * len(CLAIMS.all())


def test_code_that_claims_share_is_shown_once(documents: list[Document]) -> None:
    code = inspect.getsource(measure_app_mapping)
    for shown in (documents[0], matrix_of(*documents)):
        text = html.render(Report(shown))
        assert text.count(str(escape(code))) == 1
        assert text.count('id="code-limit.zygote-1m-8k"') == 1
        assert text.count('href="#code-limit.zygote-1m-8k"') == 1
        assert 'id="code-limit.buffer-1mb"' not in text
