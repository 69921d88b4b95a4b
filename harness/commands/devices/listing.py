"""`devices`: the targets that can be used now, and why others cannot."""

from __future__ import annotations

import dataclasses
import json

from emulator.base.printable import show
from harness.commands.options import AsJson, Host
from harness.commands.text import wrapped


def devices(host: Host = None, as_json: AsJson = False) -> None:
    """List the targets that can be used now, and why others cannot.

    \b
    binder-harness devices
    binder-harness devices --host ssh://user@host
    binder-harness verify --target adb:SERIAL

    --target takes any of these, and options after a question mark.
    """
    from emulator.target import explain_targets, offers

    all_offers = offers(host or "")
    if as_json:
        show(json.dumps([dataclasses.asdict(offer) for offer in all_offers], indent=2, ensure_ascii=False))
        return
    width = max(len(offer.target) for offer in all_offers) + 2
    for usable, title in ((True, "Usable now"), (False, "Not usable now")):
        chosen = [offer for offer in all_offers if offer.usable is usable]
        if chosen:
            show(f"{title}:")
            for offer in chosen:
                show(wrapped(offer.detail, indent=2 + width, first=f"  {offer.target}"))
            show()
    show("Targets and their options:")
    for line in explain_targets().splitlines():
        is_example = line.startswith(" " * 6)  # of a file, whose lines stay whole
        show(line if is_example else wrapped(line.lstrip(), indent=len(line) - len(line.lstrip())))
