"""`doctor`: what is there, what is missing, and the command that fixes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from emulator.base.errors import ExitCode
from harness.commands.options import Host, OptionalTarget, PositionalTarget, one_target, started
from harness.commands.text import labelled

if TYPE_CHECKING:
    from emulator.kinds.doctor import Check
    from emulator.target import Target as ParsedTarget


def doctor(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: OptionalTarget = None,
    host: Host = None,
) -> None:
    """Say what is there, what is missing, and what fixes it.

    \b
    binder-harness doctor
    binder-harness doctor --target embedded
    binder-harness doctor --host ssh://user@host

    With a target, also what that device is and can show; with --host, what the
    other machine has. The exit status is 4 while either lacks something.
    """
    from emulator.kinds.doctor import checks

    chosen = one_target(context, positional, target)
    checked = checks()
    _show(checked)
    if host is not None:
        from emulator.kinds.host_doctor import checks_on

        print(f"\nThe host {host}", flush=True)
        there = checks_on(host)
        _show(there)
        checked += there
    if not all(check.ok for check in checked):
        raise typer.Exit(ExitCode.SETUP_MISSING)
    if chosen is None:
        print("\nWhat a device can show: binder-harness doctor --target embedded")
    else:
        _show_device(started(chosen, cold=False, host=host))


def _show(checked: list[Check]) -> None:
    for check in checked:
        print(f"{'ok     ' if check.ok else 'MISSING'}  {check.name}: {check.detail}")
        if not check.ok and check.fix:
            print(f"         fix it: {check.fix}")


def _show_device(target: ParsedTarget) -> None:
    from harness.device.device import open_device
    from harness.device.facts import Need
    from harness.experiments.core.figure import grouped
    from harness.experiments.core.json_values import to_json

    with open_device(target) as device:
        facts = device.facts
    print(f"\nThe device {target}")
    values = to_json(facts)
    assert isinstance(values, dict)
    for name, value in values.items():
        if name != "reasons" and value not in (None, False, []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else grouped(value)
            print(labelled(name.replace("_", " "), text, indent=22))
    for need in Need:
        missing = need.missing(facts)
        if missing:
            print(labelled("not testable here", f"what {missing}", indent=22))
