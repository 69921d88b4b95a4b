"""How a reader sees a finding for themselves: the command, ten lines of Python, the experiment's code."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulator.base.errors import UsageError
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.loading import origin

LOAD = """\
from harness.experiments.core.loading import load_claims

load_claims({sources})
"""
"""What goes before for a claim from elsewhere."""
PYTHON = """\
from harness import open_device
from harness.experiments.core.claim import CLAIMS
{load}
claim = CLAIMS.get({claim!r})
with open_device({target!r}) as device:
    measured = claim.measure(device)
    finding = claim.verdict(measured, device.facts)
print(measured)
print(finding.verdict, finding.figures)
"""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A command, and the code behind it."""

    command: str
    python: str
    experiment: str = ""
    """What is done, in words; empty for a claim that this release does not have."""
    code: str = ""
    """The function that measures."""
    code_at: str = ""
    """The claim that shows this code already, for several can be measured together; empty for the first."""


def verify_arguments(claim: str, target: str) -> str:
    """What `verify` is given to judge a claim on a target."""
    on = "" if target == "embedded" else f" --target {shlex.quote(target)}"
    from_elsewhere = origin(claim)
    sources = f" --claims {shlex.quote(from_elsewhere)}" if from_elsewhere else ""
    return f"{shlex.quote(claim)}{on}{sources}"


def reproduction(claim: str, target: str) -> Reproduction:
    """How to judge a claim again on a target."""
    from_elsewhere = origin(claim)
    command = f"binder-harness verify -v {verify_arguments(claim, target)}"
    load = (
        ""
        if from_elsewhere is None
        else LOAD.format(sources=repr([from_elsewhere]) if from_elsewhere else "")
    )
    python = PYTHON.format(load=load, claim=claim, target=target)
    try:
        found = CLAIMS.get(claim)
    except UsageError:
        return Reproduction(command, python)
    return Reproduction(command, python, found.experiment, _code_of(found))


def reproductions(targets: Mapping[str, str]) -> dict[str, Reproduction]:
    """How to judge each claim again on its target; only the first of several that share code shows it."""
    found = {claim: reproduction(claim, target) for claim, target in targets.items()}
    first: dict[str, str] = {}
    for claim, how in found.items():
        at = first.setdefault(how.code, claim)
        if how.code and at != claim:
            found[claim] = replace(how, code_at=at)
    return found


def _code_of(claim: Claim) -> str:
    """The source of the function that measures; empty where it is not at hand."""
    try:
        return inspect.getsource(inspect.unwrap(claim.measure))
    except (OSError, TypeError):
        return ""
