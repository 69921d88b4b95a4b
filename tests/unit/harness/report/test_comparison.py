from __future__ import annotations

import dataclasses

import pytest

from harness.device.facts import Facts
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import from_json, to_json
from harness.report.comparison import alike, claim_rows, differing_facts, numbered
from harness.report.document import Document
from harness.report.labels import described, short_names
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, changed, document_on


def differing(*documents: Document) -> list[str]:
    return [row.id for row in claim_rows(documents) if row.differs]


def test_devices_alike_do_not_differ() -> None:
    assert differing(document_on(FACTS), document_on(ARM)) == []


def test_a_figure_that_differs_is_found() -> None:
    assert differing(document_on(ARM), document_on(ARM_16K)) == ["limit.zygote"]


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": Verdict.REFUTED},
        {"as_expected": False},
        {"figures": {"errno": Figure(22, "mmap", expected=16)}},
    ],
)
def test_verdict_comparison_and_figures_count(fields: dict[str, object]) -> None:
    before = document_on()
    assert differing(before, changed(before, "mmap.once", **fields)) == ["mmap.once"]


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": 9.0},
        {"source": "elsewhere"},
        {"reason": "it was slow"},
        {"sentence": "in other words: {errno}"},
        {"figures": {"errno": Figure(None, "mmap")}},
        {"figures": {"errno": Figure(17, "mmap", varies=True)}},
        {"measurement": {"number": 17}},
    ],
)
def test_times_words_and_what_was_not_measured_or_varies_do_not(fields: dict[str, object]) -> None:
    before = document_on()
    assert differing(before, changed(before, "mmap.once", **fields)) == []


def test_a_claim_that_only_some_devices_have_stays_in_its_place() -> None:
    some, others = (
        document_on(FACTS, "mmap.once", "sm.single"),
        document_on(FACTS, "mmap.once", "copy.binder-one"),
    )
    rows = {row.id: row for row in claim_rows([some, others])}
    assert list(rows) == ["mmap.once", "copy.binder-one", "sm.single", "limit.zygote"]
    assert [result is None for result in rows["sm.single"].results] == [False, True]
    assert not rows["sm.single"].differs


def test_accounts_leave_out_what_differs_or_varies() -> None:
    small, large = document_on(ARM), document_on(ARM_16K)
    row = claim_rows([small, small, large])[-1]
    assert row.figures == ("mapped", "page_size")
    assert row.accounts == [("… are mapped by process …, and a page has …", [1, 2, 3])]
    other = changed(small, "limit.zygote", sentence="{page_size} a page", verdict=Verdict.REFUTED)
    row = claim_rows([small, other])[-1]
    assert row.accounts == [
        ("1,040,384 bytes are mapped by process …, and a page has 4,096 bytes", [1]),
        ("4,096 bytes a page", [2]),
    ]


def test_why_a_claim_is_not_testable_is_not_cut_at_the_end_of_a_line() -> None:
    document = document_on(FACTS, "copy.binder-one")
    several = changed(document, "copy.binder-one", reason="the first line:\n  a second")
    assert claim_rows([several])[0].accounts == [("the first line: a second", [1])]


def test_facts_are_shown_in_words() -> None:
    less = dataclasses.replace(ARM_16K, memory_bytes=FACTS.memory_bytes - (3 << 12))
    less = dataclasses.replace(less, driver_ioctls=frozenset({"BINDER_VERSION"}), root=False, reasons={})
    facts = {row.name: row.texts for row in differing_facts([FACTS, None, less])}
    assert facts == {
        "architecture": ("x86_64", "", "aarch64"),
        "page size": ("4,096", "", "16,384"),
        "root": ("yes", "", "no"),
        "driver ioctls": ("2", "", "1, without BINDER_WRITE_READ"),
    }


def test_a_fact_that_an_earlier_release_did_not_know_is_not_recorded_and_no_difference() -> None:
    with_java = dataclasses.replace(FACTS, java=10, driver_probes=True)
    stored = to_json(dataclasses.replace(FACTS, root=False))
    assert isinstance(stored, dict)
    for name in ("java", "driver_probes", "not_recorded"):
        del stored[name]
    earlier = from_json(Facts, stored)
    assert [row.name for row in differing_facts([earlier, with_java])] == ["root"]
    rows = {row.name: row.texts for row in differing_facts([earlier, with_java, None, FACTS])}
    assert rows["java"] == ("not recorded", "10", "", "no")
    assert "not recorded" not in rows
    assert from_json(Facts, to_json(earlier)) == earlier  # written again, it is still not recorded


def test_names_are_what_distinguishes_devices() -> None:
    documents = [document_on(facts, target=f"t{place}") for place, facts in enumerate((FACTS, ARM, ARM_16K))]
    assert short_names(documents) == [
        ("x86_64", "4 KiB pages"),
        ("aarch64", "4 KiB pages"),
        ("aarch64", "16 KiB pages"),
    ]
    assert short_names([*documents[:2], document_on(None, target="avd:none")])[2] == ("avd:none",)
    assert short_names([document_on(target="a"), document_on(target="b")]) == [("a",), ("b",)]
    phone = document_on(dataclasses.replace(FACTS, android_release="14"), target="phone")
    assert short_names([documents[0], phone]) == [("no Android",), ("Android 14",)]
    libbinders = [dataclasses.replace(FACTS, userland=release) for release in (11, 14)]
    assert short_names([document_on(facts, target="t") for facts in libbinders]) == [
        ("libbinder of Android 11",),
        ("libbinder of Android 14",),
    ]
    assert [described(facts).rpartition(", ")[2] for facts in libbinders] == [
        "4 KiB pages",
        "libbinder of Android 14",
    ]
    assert described(ARM_16K) == "Linux 6.12.48+deb12-amd64, aarch64, 16 KiB pages"
    assert described(None) == "no device"


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [([], ""), ([4], "4"), ([1, 2], "1, 2"), ([1, 2, 3, 5], "1-3, 5"), ([2, 4, 5, 6], "2, 4-6")],
)
def test_numbers_of_devices_are_short(numbers: list[int], shown: str) -> None:
    assert numbered(numbers) == shown


def test_what_is_alike_is_there_once() -> None:
    assert alike(["a", None, "b", "a"]) == [("a", [1, 4]), ("b", [3])]
    assert alike([None, {"x": [1]}, {"x": [1]}]) == [({"x": [1]}, [2, 3])]
