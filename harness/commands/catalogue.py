"""`list` and `explain`: what is claimed, and how each claim is tested. Neither needs a device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import AsJson
from harness.commands.text import labelled

if TYPE_CHECKING:
    from harness.claims.claim import Claim
    from harness.json_values import Json


def list_claims(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="CLAIM", help="Ids, prefixes (mmap) or globs (mmap.*).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the claims by section.

    \b
    binder-harness list
    binder-harness list mmap '*.first-*'
    """
    from harness.claims.claim import CLAIMS

    claims = CLAIMS.select(patterns or [])
    if as_json:
        print(json.dumps([_as_json(claim) for claim in claims], indent=2, ensure_ascii=False))
        return
    from itertools import groupby

    for section, members in groupby(claims, key=lambda claim: claim.section):
        print(f"\n{section}")
        for claim in members:
            print(f"  {claim.id:<24}  {claim.statement}")


def explain(claim_id: Annotated[str, typer.Argument(metavar="CLAIM", help="The id of one claim.")]) -> None:
    """Say what a claim states and how it is tested.

    \b
    binder-harness explain mmap.once
    """
    from harness.claims.claim import CLAIMS

    claim = CLAIMS.get(claim_id)
    needs = ", ".join(need.meaning for need in claim.needs) or "nothing beyond a device with Binder"
    print(f"{claim.id} ({claim.section})\n\n  {claim.statement}\n")
    for label, text in (
        ("said in", f"document {' and '.join(claim.documents)}" if claim.documents else "no document"),
        ("experiment", claim.experiment),
        ("known", claim.known_text),
        ("true instead", claim.instead),
        ("source", claim.source),
        ("needs", needs),
        ("time limit", f"{claim.time_limit:g} s"),
    ):
        if text:
            print(labelled(f"{label}:", text, indent=14))
    print(f"\nJudge it: binder-harness verify {claim.id}")


def _as_json(claim: Claim) -> Json:
    return {
        "id": claim.id,
        "section": claim.section.value,
        "documents": claim.documents,
        "statement": claim.statement,
        "experiment": claim.experiment,
        "known": claim.known_text,
        "instead": claim.instead,
        "source": claim.source,
        "needs": [need.value for need in claim.needs],
        "time_limit": claim.time_limit,
    }
