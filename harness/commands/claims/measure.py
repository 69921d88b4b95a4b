"""`measure`: runs one measurement and prints its figures, without a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.printable import show
from harness.commands.options import AsJson, ClaimSources, Cold, Host, Target, with_start_options
from harness.commands.text import listed, wrapped

if TYPE_CHECKING:
    from harness.device.facts import Facts
    from harness.experiments.core.json_values import Json
    from harness.experiments.core.measurement import Measurement

LONGEST_LABEL = 40
"""The longest label, in columns, beside which a figure is shown; a longer one has a line of its own."""


def measure(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A measurement, or the claim that it is for; without one, list them."
        ),
    ] = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    sources: ClaimSources = None,
    as_json: AsJson = False,
) -> None:
    """Run one measurement and print its figures, without a verdict.

    \b
    binder-harness measure                      what can be measured
    binder-harness measure largest-call         with units, and where it was read
    binder-harness measure largest-call --json  the raw measurement
    """
    from harness.experiments.core.loading import load_claims
    from harness.experiments.core.measurement import MEASUREMENTS

    load_claims(sources or ())
    if name is None:
        for entry in MEASUREMENTS.all().values():
            show(listed(entry.name, entry.summary, indent=26))
        show("\nRun one of them: binder-harness measure NAME")
        return
    measurement = measurement_named(name)
    from emulator.base.errors import FacilityMissingError, HarnessError
    from harness.device.device import open_device
    from harness.experiments.core.denial import facility_behind
    from harness.experiments.core.json_values import to_json

    with open_device(with_start_options(target, cold=cold, host=host)) as device:
        try:
            measured = measurement.run(device)
        except (HarnessError, OSError) as error:
            missing = facility_behind(error, device.facts)
            if missing is None:
                raise
            raise FacilityMissingError(f"{measurement.name} cannot be measured here: {missing}") from error
    if as_json:
        show(json.dumps(to_json(measured), indent=2, ensure_ascii=False))
        return
    show(f"{wrapped(measurement.summary)}\n")
    rows = _named_figures(measurement, measured, device.facts) or list(_raw_figures(to_json(measured)))
    width = min(max((len(label) for label, _ in rows), default=0), LONGEST_LABEL) + 2
    for label, text in rows:
        show(wrapped(text, indent=width, first=label))


def measurement_named(name: str) -> Measurement:
    """The measurement of that name, or that of the claim of that name; UsageError where there is neither."""
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.measurement import MEASUREMENTS, Measurement

    if name not in MEASUREMENTS.all() and name in CLAIMS.all():
        claim = CLAIMS.get(name)
        named = (each for each in MEASUREMENTS.all().values() if each.run is claim.measure)
        return next(named, Measurement(name, claim.experiment, claim.measure))
    return MEASUREMENTS.get(name)


def _named_figures(measurement: Measurement, measured: object, facts: Facts) -> list[tuple[str, str]]:
    """The figures that claims make of the measurement, each with its unit and where it was read."""
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.figure import label

    claims = [claim for claim in CLAIMS.all().values() if claim.measure is measurement.run]
    findings = [claim.verdict(measured, facts) for claim in claims]
    figures = {name: figure for finding in findings for name, figure in finding.figures.items()}
    return [(label(name), f"{figure} ({figure.where})") for name, figure in figures.items()]


def _raw_figures(value: Json) -> Iterator[tuple[str, str]]:
    """Every figure of a measurement that no claim is about, with its path."""
    from harness.experiments.core.figure import grouped

    for path, entry in _leaves(value):
        yield path, grouped(entry)


def _leaves(value: Json, label: str = "") -> Iterator[tuple[str, Json]]:
    """Every figure with its path, such as `pages.active`."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _leaves(entry, f"{label}.{key}" if label else key)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, f"{label}[{index}]")
    else:
        yield label, value
