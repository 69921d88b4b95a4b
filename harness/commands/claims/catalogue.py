"""`list` and `explain`: the claims, and how each is tested. Neither needs a device."""

from __future__ import annotations

import json
import shlex
from itertools import groupby
from typing import TYPE_CHECKING

from emulator.base.printable import show
from harness.commands.options import AsJson, Claims, ClaimsOrAll, ClaimSources
from harness.commands.text import listed, wrapped

if TYPE_CHECKING:
    from harness.experiments.core.claim import Claim
    from harness.experiments.core.json_values import Json


def list_claims(patterns: ClaimsOrAll = None, sources: ClaimSources = None, as_json: AsJson = False) -> None:
    """List the claims by topic.

    \b
    binder-harness list
    binder-harness list mmap '*.first-*'
    binder-harness list --claims own.py
    """
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.loading import load_claims

    load_claims(sources or ())
    if as_json:
        claims = CLAIMS.select(patterns or [])
        show(json.dumps([_as_json(claim) for claim in claims], indent=2, ensure_ascii=False))
        return
    for topic, members in groupby(CLAIMS.names(patterns or []), key=CLAIMS.topic):
        show(f"\n{topic.heading}")
        for id_ in members:
            show(listed(f"  {id_}", CLAIMS.statement(id_), indent=28))
    show()
    show(wrapped("How a claim is tested, and what is expected: binder-harness explain CLAIM"))


def explain(patterns: Claims, sources: ClaimSources = None) -> None:
    """Explain claims: what they state and how they are tested.

    \b
    binder-harness explain mmap.once
    binder-harness explain copy '*.first-*'
    """
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.loading import load_claims

    load_claims(sources or ())
    claims = CLAIMS.select(patterns)
    show("\n\n".join(map(_explained, claims)))
    show()
    judged = "it" if len(claims) == 1 else "them"
    options = [f"--claims={source}" for source in sources or ()]
    show(wrapped(f"Judge {judged}: binder-harness verify {shlex.join([*patterns, *options])}"))


ON_REQUEST = (
    "AOSP's is built and put on an embedded device that has none where the claim is named, or with --java"
)


def _explained(claim: Claim) -> str:
    from harness.device.facts import Need

    needs = ", ".join(need.meaning for need in claim.needs) or "nothing beyond a device with Binder"
    lines = [f"{claim.id} ({claim.topic.heading})", "", wrapped(claim.statement, indent=2), ""]
    for label, text in (
        ("stated in", _documents(claim.documents)),
        ("experiment", claim.experiment),
        ("expected", claim.expected_text),
        ("what is true", claim.what_is_true),
        ("source", claim.source),
        ("needs", needs),
        ("Java", ON_REQUEST if {Need.JAVA, Need.FRAMEWORK_CODE} & set(claim.needs) else ""),
        ("time limit", f"{claim.time_limit:g} s"),
    ):
        if text:
            lines.append(wrapped(text, indent=14, first=f"{label}:"))
    return "\n".join(lines)


def _documents(letters: str) -> str:
    from harness.experiments.core.figure import shown
    from harness.experiments.core.source_documents import named, titles

    if not letters:
        return "no document"
    found = named(letters)
    addresses = "".join(f"; {document.letter}: {document.url}" for document in found if document.url)
    if len(letters) == 1:  # whose address it is, is plain
        addresses = addresses.replace(f"; {letters}: ", ", ", 1)
    return f"document{'s' if len(letters) > 1 else ''} {shown(titles(letters, found))}{addresses}"


def _as_json(claim: Claim) -> Json:
    return {
        "id": claim.id,
        "topic": claim.topic.value,
        "documents": claim.documents,
        "statement": claim.statement,
        "experiment": claim.experiment,
        "expected": claim.expected_text,
        "what_is_true": claim.what_is_true,
        "source": claim.source,
        "needs": [need.value for need in claim.needs],
        "time_limit": claim.time_limit,
    }
