from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emulator.base.errors import ExitCode
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.experiments.core.source_documents import SourceDocument
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of
from harness.report.document import Document
from harness.report.failure import Failure
from harness.report.formats.report import Report
from harness.report.matrix import Matrix
from harness.report.page import html
from harness.report.stored import write_text
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
        self.script = ""
        self.feed(text.replace("<wbr>", ""))  # where a line may end, within a word
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END and not (self.open and "svg" in self.open and tag in ("path", "rect")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("path", "rect"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.script += data
        elif "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def count(self, tag: str, **attributes: str | None) -> int:
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.elements)

    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def page_of(shown: Document | Matrix, *failures: Failure) -> Page:
    return Page(html.render(Report(shown, failures)))


@pytest.mark.parametrize("shown", PAGES, ids=["document", "matrix"])
def test_a_page_is_whole_and_loads_nothing(shown: Document | Matrix) -> None:
    text = html.render(Report(shown))
    page = Page(text)
    assert not {"link", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    links = [attributes.get(name) for _, attributes in page.elements for name in ("src", "href")]
    references = [link for link in links if link is not None]
    assert references
    assert all(link.startswith("#") for link in references)
    assert {link[1:] for link in references} <= set(page.ids())
    assert len(set(page.ids())) == len(page.ids())
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("shown", PAGES, ids=["document", "matrix"])
def test_a_page_is_the_same_in_a_file(shown: Document | Matrix, tmp_path: Path) -> None:
    text = html.render(Report(shown))
    write_text(text, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == text, "nothing in it is escaped as if for a terminal"


@pytest.mark.parametrize("shown", PAGES, ids=["document", "matrix"])
def test_only_the_pages_own_script_may_run(shown: Document | Matrix) -> None:
    page = page_of(shown)
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy
    assert page.count("script") == 1
    handlers = [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert handlers == []


def test_a_document_is_shown_with_its_figures_folded() -> None:
    page = page_of(document_on())
    for shown in (
        "Linux 6.12.48+deb12-amd64, x86_64, 4 KiB pages",
        "What mmap.first-page states.",
        "What is true none until the first transaction",
        "this kernel has no /proc/kcore",
        "1,040,384 bytes are mapped",
        "all as expected",
        "binder-harness verify -v mmap.once",
        "Source of the expectation drivers/android/binder.c, Linux 6.12",
        "Inter-process communication in Android",
    ):
        assert shown.replace("\N{NO-BREAK SPACE}", " ") in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert page.count("details", open=None) == 0
    assert page.count("article") == 5
    assert page.count("article", id="mmap.once", **{"data-topic": "mapping", "data-documents": "A B"}) == 1


def test_what_is_unexpected_comes_before_what_surprises() -> None:
    other = changed(document_on(), "sm.single", verdict=Verdict.REFUTED, as_expected=False, sentence="twice")
    text = page_of(other).text
    overview = text[text.index("What surprises most") : text.index("Stated in A")]
    assert overview.index("sm.single") < overview.index("mmap.first-page")
    assert "mmap.once" not in overview


def test_verdicts_are_drawn_by_topic_and_by_document() -> None:
    document = changed(document_on(), "mmap.once", documents="AC")
    text = page_of(document).text
    for shown in (
        "Verdicts by topic: The mapping, ",
        "Verdicts by document: A: Inter-process communication in Android, ",
        "; C: Binder in depth, 1 ✓",
    ):
        assert shown in text


def test_what_people_take_for_granted_comes_before_other_surprises() -> None:
    document = document_on(FACTS, "mmap.first-page", "limit.verdict", "sm.single")
    for id_ in ("mmap.first-page", "sm.single"):
        document = changed(document, id_, verdict=Verdict.REFUTED, as_expected=True, documents="ABC")
    document = changed(document, "limit.verdict", as_expected=True, taken_for_granted=True, documents="")
    overview = page_of(document).text.partition("What surprises most")[2].partition("Stated in A")[0]
    shown = [overview.index(id_) for id_ in ("limit.verdict", "mmap.first-page", "sm.single")]
    assert shown == sorted(shown)


def test_a_document_has_the_title_and_the_address_that_were_stored() -> None:
    ours = SourceDocument("Z", "Our <guide>", url="https://wiki.example.com/guide?a=1&b=2")
    document = changed(document_on(), "mmap.once", documents="AZ?")
    page = page_of(dataclasses.replace(document, stated_in=(ours,)))
    assert "Stated in A “Inter-process communication in Android”, Z “Our <guide>” and ?" in page.text
    assert page.count("a", href=ours.url, rel="noreferrer") == 1


def test_a_matrix_marks_what_differs() -> None:
    page = page_of(matrix_of(document_on(ARM), document_on(ARM_16K)))
    assert page.count("tr", **{"class": "differs"}) == 1
    assert page.text.count("Stated in A “Inter-process communication in Android” and B “") == 5
    assert page.count("article") == 5
    mapped = "1 1,040,384 bytes 1,040,384 bytes /proc/PID/maps 2 1,015,808 bytes 1,015,808 bytes"
    assert f"figure device value expected read from mapped {mapped} /proc/PID/maps page size 1" in page.text
    assert page.count("details", open=None) == 0
    assert "How the devices differ fact device value page size 1 4,096 2 16,384" in page.text
    assert "1 4 KiB pages 2 16 KiB pages" in page.text
    assert "1: 4 KiB pages 1,040,384 bytes" in page.text, "a picture of each quantity that differs"


def test_claims_whose_verdicts_differ_are_unfolded() -> None:
    other = changed(document_on(), "mmap.once", sentence="success", verdict=Verdict.REFUTED)
    page = page_of(matrix_of(document_on(), other))
    assert page.count("details", open=None) == 1
    assert "it failed with 16" in page.text
    assert page.count("article", id="mmap.once", **{"data-verdicts": "confirmed refuted"}) == 1


def test_a_matrix_has_what_devices_have_in_common_once() -> None:
    other = changed(document_on(), "mmap.once", sentence="success", verdict=Verdict.REFUTED)
    none = dataclasses.replace(document_on(), claims=())
    text = page_of(matrix_of(document_on(), other, document_on(), none)).text
    claim = text[text.index("mmap.once 1, 3: ✓ confirmed 2: ✗ refuted 4: not judged") :]
    figures = claim[claim.index("figure device value expected read from") : claim.index("Reproduce it")]
    assert figures.startswith("figure device value expected read from errno 1-3 16")


def test_a_claim_is_reproduced_where_there_is_most_to_see() -> None:
    other = changed(document_on(target="rust"), "mmap.once", as_expected=False)
    none = changed(document_on(target="old"), "sm.single", verdict=Verdict.NOT_TESTABLE, reason="none")
    text = page_of(matrix_of(none, document_on(target="new"), other)).text
    for command in ("mmap.once --target rust", "sm.single --target new", "mmap.first-page --target old"):
        assert f"binder-harness verify -v {command} " in text


def test_a_device_that_failed_says_why() -> None:
    missing = document_on(None, target="avd:none")
    page = page_of(matrix_of(document_on(), missing, failure=HOSTILE, exit_code=ExitCode.SETUP_MISSING))
    assert HOSTILE in page.text
    assert page.count("td", title="not judged") == 5
    alone = page_of(document_on(None), Failure(message=HOSTILE, exit_code=ExitCode.SETUP_MISSING))
    assert HOSTILE in alone.text
    assert alone.count("article") == 0


def test_each_device_says_when_it_was_judged_and_for_how_long() -> None:
    first = dataclasses.replace(document_on(ARM, target="a"), ended="2026-11-21T12:01:05+00:00")
    page = page_of(matrix_of(first, document_on(ARM_16K, target="b")))
    assert "2026-11-21 12:00:00 UTC, for 65 s" in page.text
    assert "2026-11-21 12:00:00 UTC, for 0 s" in page.text


def test_what_was_ended_says_so_and_what_was_not_judged() -> None:
    part = dataclasses.replace(document_on(), interrupted="SIGINT", not_judged=("proto.waits",))
    for shown in (part, dataclasses.replace(matrix_of(part), interrupted="SIGINT")):
        text = page_of(shown).text.replace("\N{NO-BREAK SPACE}", " ")
        assert "the run was interrupted by SIGINT" in text
        assert "1 of 6 claims was not judged" in text
    assert "5 of 6 claims on 1 device: " in text


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
    text = page_of(changed(document_on(), "mmap.once", figures=figures, sentence="")).text
    for shown in (
        "figure 0 none mmap",
        "figure 1 none mmap",
        "figure 2 1,040,384 and 2,048 bytes mmap",
        "figure 3 4096 mmap",
        'figure 4 {"a": [1]} mmap',
    ):
        assert shown in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "x broadcastTheIntentWithItsFeature()",
            "x broadcast<wbr>The<wbr>Intent<wbr>With<wbr>Its<wbr>Feature()",
        ),
        ("drivers/android/binder_alloc.c in", "drivers/<wbr>android/<wbr>binder_<wbr>alloc.c in"),
        ("BR_TRANSACTION_COMPLETE <b>", "BR_TRANSACTION_COMPLETE &lt;b&gt;"),
    ],
)
def test_long_names_may_go_on_in_the_next_line(text: str, shown: str) -> None:
    assert html.breakable(text) == shown


def test_a_very_long_value_does_not_bloat_the_page() -> None:
    figures = {"trace": Figure("x" * 1_000_000, "tracing", varies=True)}
    text = html.render(Report(changed(document_on(), "mmap.once", figures=figures, sentence="")))
    assert "the result document has all of it" in text
    assert len(text) < 100_000


def test_text_from_a_device_is_never_markup() -> None:
    fields = {
        "sentence": f"{HOSTILE} `{HOSTILE}`",
        "reason": HOSTILE,
        "what_is_true": HOSTILE,
        "traceback": HOSTILE,
        "documents": '"><script>',
        "figures": {HOSTILE: Figure({HOSTILE: [HOSTILE]}, HOSTILE, expected=HOSTILE)},
    }
    hostile = changed(document_on(), "mmap.once", **fields)
    facts = dataclasses.replace(FACTS, kernel_release=HOSTILE)
    hostile = dataclasses.replace(hostile, device=facts, target=HOSTILE)
    for shown in (hostile, matrix_of(hostile, document_on())):
        text = html.render(Report(shown))
        assert text.count("<script") == 1
        assert Page(text).text.count("<script>alert('it')</script>") >= 7


def test_unexpected_and_lost_stand_out() -> None:
    lost = changed(
        document_on(FACTS, "mmap.once"), "mmap.once", verdict=Verdict.LOST, as_expected=False, reason="panic"
    )
    page = page_of(lost)
    assert page.count("article", id="mmap.once", **{"class": "claim lost unusual"}) == 1
    assert page.count("span", **{"class": "unexpected"}) == 2


def test_a_recording_is_drawn() -> None:
    figures = {"diagram": Figure(DIAGRAM, "tracing")}
    recorded = changed(document_on(), "mmap.once", figures=figures, sentence="")
    text = html.render(Report(recorded))
    assert svg_of(DIAGRAM) in text
    assert len(re.findall(r'<svg[^>]*class="hops"', text)) == 1
