from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from emulator.base.errors import ExitCode
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.recording.sequence_diagram import Arrow, ArrowKind, Lifeline, SequenceDiagram
from harness.recording.sequence_svg import svg_of
from harness.report.document import Document
from harness.report.matrix import Matrix
from harness.report.page import html
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, changed, document_on, matrix_of

WITHOUT_END = {"meta", "input", "br"}
HOSTILE = "<script>alert('it')</script> & \"<b>\""
DIAGRAM = SequenceDiagram(
    (Lifeline(10, 10, "client"), Lifeline(20, 21, "server")),
    (
        Arrow(
            sender=0,
            receiver=1,
            kind=ArrowKind.CALL,
            interface=None,
            called="code 1",
            size=4,
            sent=0.0,
            latency=0.25,
        ),
    ),
)
PAGES: list[Document | Matrix] = [document_on(), matrix_of(document_on(ARM), document_on(ARM_16K))]


class Page(HTMLParser):
    """What a page consists of; an element that is not closed where it should be is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def count(self, tag: str, **attributes: str | None) -> int:
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.elements)


@pytest.mark.parametrize("shown", PAGES, ids=["document", "matrix"])
def test_a_page_is_whole_and_loads_nothing(shown: Document | Matrix) -> None:
    text = html.page(shown)
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.elements}
    assert not [attributes for _, attributes in page.elements if {"src", "href"} & attributes.keys()]
    assert "url(" not in text
    assert "@import" not in text
    assert page.count("meta", **{"http-equiv": "Content-Security-Policy"}) == 1


def test_a_document_is_shown_with_its_figures_folded() -> None:
    page = Page(html.page(document_on()))
    for shown in (
        "Linux 6.12.48+deb12-amd64, x86_64, 4 KiB pages",
        "What mmap.first-page states.",
        "What is true: none until the first transaction",
        "this kernel has no /proc/kcore",
        "1,040,384 bytes are mapped",
        "all as expected",
    ):
        assert shown in page.text
    assert page.count("details") == 5
    assert page.count("details", open=None) == 0


def test_a_matrix_marks_what_differs() -> None:
    page = Page(html.page(matrix_of(document_on(ARM), document_on(ARM_16K))))
    assert page.count("tr", id="limit.zygote", **{"class": "differs"}) == 1
    assert page.count("tr", id="mmap.once", **{"class": "same"}) == 1
    assert page.count("tr", **{"class": "differs figure"}) == 2
    assert "mapped 1,040,384 bytes 1,015,808 bytes page size 4,096 bytes 16,384 bytes" in page.text
    assert page.count("details", open=None) == 0
    assert "page size 4,096 16,384" in page.text
    assert "1 4 KiB pages 2 16 KiB pages" in page.text


def test_claims_whose_verdicts_differ_are_unfolded() -> None:
    other = changed(document_on(), "mmap.once", sentence="success", verdict=Verdict.REFUTED)
    page = Page(html.page(matrix_of(document_on(), other)))
    assert page.count("details", open=None) == 1
    assert "it failed with 16" in page.text


def test_a_device_that_failed_says_why() -> None:
    missing = document_on(None, target="avd:none")
    page = Page(
        html.page(matrix_of(document_on(), missing, failure=HOSTILE, exit_code=ExitCode.SETUP_MISSING))
    )
    assert HOSTILE in page.text
    assert "not judged" in page.text


def test_each_device_says_when_it_was_judged_and_for_how_long() -> None:
    first = dataclasses.replace(document_on(ARM, target="a"), ended="2026-11-21T12:01:05+00:00")
    page = Page(html.page(matrix_of(first, document_on(ARM_16K, target="b"))))
    assert "2026-11-21T12:00:00+00:00, for 65 s" in page.text
    assert "2026-11-21T12:00:00+00:00, for 0 s" in page.text


def test_what_was_ended_says_so_and_what_was_not_judged() -> None:
    part = dataclasses.replace(document_on(), interrupted="SIGINT", not_judged=("proto.waits",))
    for shown in (part, dataclasses.replace(matrix_of(part), interrupted="SIGINT")):
        text = Page(html.page(shown)).text
        assert "the run was interrupted by SIGINT" in text
        assert "1 of 6 claims was not judged" in text
    assert "5 of 6 claims on 1 device: " in text
    assert text.startswith("Binder on 1 device Binder on 1 device ")


def test_figures_are_shown_as_people_read_them() -> None:
    values: tuple[tuple[object, str], ...] = (
        (None, ""),
        ([], ""),
        ([1040384, 2048], "bytes"),
        (4096, ""),
        ({"a": [1]}, ""),
    )
    figures = {
        f"figure_{place}": Figure(value, "mmap", unit=unit) for place, (value, unit) in enumerate(values)
    }
    text = Page(html.page(changed(document_on(), "mmap.once", figures=figures, sentence=""))).text
    for shown in (
        "figure 0 mmap none",
        "figure 1 mmap none",
        "figure 2 mmap 1,040,384 and 2,048 bytes",
        "figure 3 mmap 4096",
        'figure 4 mmap {"a": [1]}',
    ):
        assert shown in text


def test_text_from_a_device_is_never_markup() -> None:
    fields = {
        "sentence": HOSTILE,
        "reason": HOSTILE,
        "what_is_true": HOSTILE,
        "traceback": HOSTILE,
        "figures": {HOSTILE: Figure({HOSTILE: [HOSTILE]}, HOSTILE, expected=HOSTILE)},
    }
    hostile = changed(document_on(), "mmap.once", **fields)
    facts = dataclasses.replace(FACTS, kernel_release=HOSTILE)
    hostile = dataclasses.replace(hostile, device=facts, target=HOSTILE)
    for shown in (hostile, matrix_of(hostile, document_on())):
        text = html.page(shown)
        assert "<script" not in text
        assert Page(text).text.count("<script>alert('it')</script>") >= 7


def test_unexpected_and_lost_stand_out() -> None:
    lost = changed(
        document_on(FACTS, "mmap.once"), "mmap.once", verdict=Verdict.LOST, as_expected=False, reason="panic"
    )
    page = Page(html.page(lost))
    assert page.count("span", **{"class": "lost"}) == 1
    assert page.count("span", **{"class": "unexpected"}) == 1
    assert page.count("tr", id="mmap.once", **{"class": "differs"}) == 1


def test_a_recording_is_drawn() -> None:
    recorded = changed(document_on(), "mmap.once", figures={"errno": Figure(DIAGRAM, "tracing")})
    assert len(re.findall("<svg[^>]*>", html.page(recorded))) == 1
    assert svg_of(DIAGRAM) in html.page(recorded)
