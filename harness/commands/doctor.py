"""`doctor`: what is there, what is missing, and the command that mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.errors import ExitCode
from harness.commands.options import TARGET_HELP
from harness.commands.text import labelled


def doctor(
    target: Annotated[str | None, typer.Option("--target", metavar="TARGET", help=TARGET_HELP)] = None,
) -> None:
    """Say what is there, what is missing, and what mends it.

    \b
    binder-harness doctor
    binder-harness doctor --target embedded

    With --target, also what the device is and can show. The exit status is 4
    while this machine lacks something.
    """
    from emulator.doctor import checks

    checked = checks()
    for check in checked:
        print(f"{'ok     ' if check.ok else 'MISSING'}  {check.name}: {check.detail}")
        if not check.ok and check.mend:
            print(f"         mend it: {check.mend}")
    if not all(check.ok for check in checked):
        raise typer.Exit(ExitCode.SETUP_MISSING)
    if target is None:
        print("\nWhat a device can show: binder-harness doctor --target embedded")
    else:
        _show_device(target)


def _show_device(target: str) -> None:
    from harness.claims.claim import shown
    from harness.device import open_device
    from harness.facts import Need
    from harness.json_values import to_json

    with open_device(target) as device:
        facts = device.facts
    print(f"\nThe device {target}")
    values = to_json(facts)
    assert isinstance(values, dict)
    for name, value in values.items():
        if name != "reasons" and value not in (None, False, []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else shown(value)
            print(labelled(name.replace("_", " "), text, indent=22))
    for need in Need:
        missing = need.missing(facts)
        if missing:
            print(labelled("cannot be told here", f"what {missing}", indent=22))
