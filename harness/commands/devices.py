"""`devices`: what can be used now, and why the rest cannot."""

from __future__ import annotations

import dataclasses
import json

from harness.commands.options import AsJson, Host
from harness.commands.text import labelled


def devices(host: Host = None, as_json: AsJson = False) -> None:
    """List the targets that can be used now, and why others cannot.

    \b
    binder-harness devices
    binder-harness devices --host ssh://user@host
    binder-harness verify --target adb:SERIAL

    What is listed is what --target takes; options may follow it after a question mark.
    """
    from emulator.target import explain_targets, offers

    found = offers(host or "")
    if as_json:
        print(json.dumps([dataclasses.asdict(offer) for offer in found], indent=2, ensure_ascii=False))
        return
    width = max(len(offer.target) for offer in found) + 2
    for usable, title in ((True, "To be used now"), (False, "Not now")):
        chosen = [offer for offer in found if offer.usable is usable]
        if chosen:
            print(f"{title}:")
            for offer in chosen:
                print(labelled(f"  {offer.target}", offer.detail, indent=2 + width))
            print()
    print(f"What may be written for a target:\n{explain_targets()}")
