"""`compare-drivers`: what differs between Binder's drivers, in C and in Rust."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError, did_you_mean
from emulator.base.printable import show
from emulator.base.progress import step
from harness.commands.options import AsJson, Cold, complete_target, with_start_options
from harness.commands.text import wrapped

if TYPE_CHECKING:
    from harness.experiments.probes.probe import Probe
    from harness.report.driver_comparison import Answers

BOTH = ("embedded?kernel=7.3", "embedded?driver=rust")
"""One kernel with either driver."""


def compare_drivers(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROBE", help="Ids (call.first) or their beginnings (call). Default: all."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="TARGET",
            help=f"A device; give two or more. Default: {' and '.join(BOTH)}.",
            autocompletion=complete_target,
        ),
    ] = None,
    claims: Annotated[bool, typer.Option("--claims", help="Judge all claims on each device, too.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write a page in Markdown to FILE.")
    ] = None,
    cold: Cold = False,
    as_json: AsJson = False,
) -> None:
    """Show what differs between Binder's drivers, in C and in Rust.

    \b
    binder-harness compare-drivers  one kernel with either driver
    binder-harness compare-drivers freeze death --json
    binder-harness compare-drivers --target embedded --target cuttlefish
    binder-harness compare-drivers --claims -o page.md

    Each probe is a small experiment with the driver's interface. What programs could trip over comes first.
    """
    from harness.experiments.probes.catalogue import catalogue
    from harness.report.driver_comparison import claim_rows, page, probe_rows
    from harness.report.stored import check_writable, write_text

    probes = chosen_probes(catalogue(), patterns or [])
    chosen = [str(with_start_options(target, cold=cold, host=None)) for target in targets or BOTH]
    if len(set(chosen)) < 2:
        raise UsageError("A comparison needs two devices or more: give --target twice.")
    if output is not None:
        check_writable(output)
    devices = [_asked(target, probes, claims=claims) for target in chosen]
    rows = probe_rows(probes, devices)
    if output is not None:
        write_text(page(probes, devices, datetime.now(UTC).date()), output)
    if as_json:
        listed = [
            {
                "id": row.id,
                "question": row.question,
                "trap": row.trap,
                "answers": dict(zip(chosen, row.answers, strict=True)),
            }
            for row in rows
        ]
        show(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    for row in (*(row for row in rows if row.differs), *claim_rows(devices)):
        show(wrapped(f"{row.question} {row.trap}".strip(), indent=2, first=f"{row.id}: "))
        for device, answer in zip(devices, row.answers, strict=True):
            show(wrapped(answer, indent=6, first=f"  {device.driver}: "))
    show(f"\n{sum(row.differs for row in rows)} of {len(rows)} probes differ.")


def chosen_probes(probes: Sequence[Probe], patterns: Sequence[str]) -> list[Probe]:
    """The probes whose ids begin with one of the patterns, or all; UsageError for one that fits none."""
    for pattern in patterns:
        if not any(each.id.startswith(pattern) for each in probes):
            groups = list(dict.fromkeys(each.id.partition(".")[0] for each in probes))
            near = did_you_mean(pattern, [*groups, *(each.id for each in probes)])
            raise UsageError(
                f"No probe begins with {pattern!r}.{near} Groups of probes: {', '.join(groups)}."
            )
    return [each for each in probes if not patterns or each.id.startswith(tuple(patterns))]


def _asked(target: str, probes: list[Probe], *, claims: bool) -> Answers:
    from harness.device.device import open_device
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.judge import judge
    from harness.experiments.probes.probe import answer
    from harness.kernel.concise import counted
    from harness.report.driver_comparison import Answers

    with open_device(target) as device:
        with step(f"putting {counted(len(probes), 'question')} to {target}"):
            answers = {each.id: answer(each, device).text for each in probes}
        results = []
        if claims:
            with step(f"judging {len(CLAIMS.all())} claims on {target}"):
                results = [judge(claim, device, java=False) for claim in CLAIMS.select([])]
        return Answers(target, device.facts, answers, results)
