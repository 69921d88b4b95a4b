"""What two or more devices answered to the same probes and claims, and the page that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from harness.device.facts import Facts
from harness.experiments.core.result import Result
from harness.experiments.probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Answers:
    """What one device answered."""

    target: str
    facts: Facts
    probes: Mapping[str, str]
    """By the probe's id."""
    claims: Sequence[Result] = ()

    @property
    def driver(self) -> str:
        """`C` or `Rust`, where the device shows which."""
        return self.facts.driver or "unknown driver"

    @property
    def heading(self) -> str:
        """The driver and the kernel."""
        return f"{self.driver}, {self.facts.kernel_release}"


@dataclass(frozen=True, slots=True)
class Row:
    """One question or claim, and the answers in the order of the devices."""

    id: str
    question: str
    answers: tuple[str, ...]
    trap: str = ""

    @property
    def differs(self) -> bool:
        """Whether not all answers are the same."""
        return len(set(self.answers)) > 1


def probe_rows(probes: Sequence[Probe], devices: Sequence[Answers]) -> list[Row]:
    """The probes' answers: what differs first, and of that what programs could trip over."""
    rows = []
    for each in probes:
        answers = tuple(device.probes.get(each.id, "not asked") for device in devices)
        rows.append(Row(each.id, each.question, answers, each.trap))
    return sorted(rows, key=lambda row: (not row.differs, not (row.differs and row.trap)))


def claim_rows(devices: Sequence[Answers]) -> list[Row]:
    """The claims whose verdicts differ, or that are unexpected on one of the devices."""
    rows = []
    for results in zip(*(device.claims for device in devices), strict=True):
        verdicts = {result.verdict for result in results}
        if len(verdicts) > 1 or any(result.as_expected is False for result in results):
            answers = tuple(
                f"{result.verdict.value}: {result.measured or result.reason}" for result in results
            )
            rows.append(Row(results[0].id, results[0].statement, answers))
    return rows


def page(probes: Sequence[Probe], devices: Sequence[Answers], day: date) -> str:
    """The comparison as a page in Markdown."""
    return "\n".join(_page(probes, devices, day)) + "\n"


def _page(probes: Sequence[Probe], devices: Sequence[Answers], day: date) -> Iterator[str]:
    rows = probe_rows(probes, devices)
    differing = [row for row in rows if row.differs]
    targets = " ".join(f"--target '{device.target}'" for device in devices)
    yield "# The driver in C and the driver in Rust"
    yield ""
    kernels = [f"Linux {device.facts.kernel_release} ({device.driver})" for device in devices]
    yield (
        f"Generated on {day.isoformat()} by `binder-harness compare-drivers {targets} --claims -o FILE`, on "
        f"{' and '.join(kernels)}. Of {len(rows)} probes, {len(differing)} differ. A probe is a small "
        "experiment with the driver's interface, in processes of its own; how each is done is in "
        "`harness/experiments/probes`. `#` stands for a number, and BR_NOOP is left out."
    )
    yield from _section(
        "What differs and can be tripped over", [row for row in differing if row.trap], devices
    )
    yield from _section("What else differs", [row for row in differing if not row.trap], devices)
    if any(device.claims for device in devices):
        yield from _section("Claims that differ or are unexpected", claim_rows(devices), devices)
    yield from _section("What is the same", [row for row in rows if not row.differs], devices[:1])


def _section(title: str, rows: Sequence[Row], devices: Sequence[Answers]) -> Iterator[str]:
    if not rows:
        return
    headings = [device.heading for device in devices] if len(devices) > 1 else ["answer"]
    yield f"\n## {title}"
    yield ""
    yield f"| probe | question | {' | '.join(headings)} |"
    yield "|---" * (2 + len(headings)) + "|"
    for row in rows:
        question = cell(f"{row.question} {row.trap}".strip(), code=False)
        yield f"| `{row.id}` | {question} | {' | '.join(map(cell, row.answers[: len(devices)]))} |"


def cell(text: str, *, code: bool = True) -> str:
    """A text that fits one cell of a table: on one line, without the table's own character."""
    line = " ".join(text.split()).replace("|", "/")
    if not code or "`" in line:
        return line
    return f"`{line}`" if line else ""
