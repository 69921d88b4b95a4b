"""`devices`: the targets that can be used now, and why others cannot."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from emulator.base.printable import show
from harness.commands.options import AsJson, Host
from harness.commands.text import wrapped

Kernels = Annotated[
    bool, typer.Option("--kernels", help="List Debian's kernels for embedded devices instead.")
]


def devices(host: Host = None, kernels: Kernels = False, as_json: AsJson = False) -> None:
    """List the targets that can be used now, and why others cannot.

    \b
    binder-harness devices
    binder-harness devices --kernels
    binder-harness devices --host ssh://user@host
    binder-harness verify --target adb:SERIAL

    --target takes any of these, and options after a question mark. --kernels reads the lists of packages of
    the machine's own sources and of further suites of its mirror, which takes some seconds the first time.
    """
    from emulator.target import explain_targets, offers

    if kernels:
        _list_kernels(as_json)
        return
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


def _list_kernels(as_json: bool) -> None:
    from emulator.base.architecture import ARCHITECTURES
    from emulator.embedded.kernel.suites import all_kernels

    found = [known for architecture in ARCHITECTURES.values() for known in all_kernels(architecture)]
    if as_json:
        listed = [{**dataclasses.asdict(kernel), "origin": origin} for kernel, origin in found]
        show(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    width = max(len(str(kernel)) for kernel, _ in found)
    for kernel, origin in found:
        show(f"{kernel!s:{width}}  {origin}")
