"""`doctor`: checks the requirements of this machine, of a host and of a device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emulator.base.architecture import DEFAULT
from emulator.base.errors import ExitCode
from emulator.base.printable import show
from harness.commands.options import (
    Host,
    Kernel,
    OptionalTarget,
    PositionalTarget,
    one_target,
    with_start_options,
)
from harness.commands.text import listed, wrapped

if TYPE_CHECKING:
    from emulator.kinds.doctor import Check
    from emulator.target import Target as ParsedTarget
    from harness.device.binder_report import BinderReport
    from harness.device.facts import Facts


JAVA = (
    "built and put there where a claim that needs it is named, with --java, and by open_java: in three "
    "minutes the first time, then in seconds"
)


def doctor(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: OptionalTarget = None,
    host: Host = None,
    kernel: Kernel = None,
) -> None:
    """Check what this machine has, what it lacks, and how to fix that.

    \b
    binder-harness doctor
    binder-harness doctor --target embedded
    binder-harness doctor --host ssh://user@host
    binder-harness doctor --kernel PATH

    What is absent, the embedded device does without. With a target, also show the
    facts of that device; with --host, check the other machine, too. With --kernel,
    check the configuration of a kernel of your own alone: its image or its tree. The exit
    status is 4 while either lacks something, unless the target is one that runs
    already and so needs none of it.
    """
    from emulator.host.this_machine import ThisMachine
    from emulator.kinds.cuttlefish.doctor import cuttlefish_checks
    from emulator.kinds.doctor import checks
    from emulator.kinds.local.kind import local_check

    if kernel is not None:
        _check_kernel(kernel)
        return
    chosen = one_target(context, positional, target)
    device = None if chosen is None else with_start_options(chosen, cold=False, host=host)
    checked = [*checks(), *cuttlefish_checks(ThisMachine()), local_check(ThisMachine())]
    _show_checks(checked)
    if host is not None:
        from emulator.kinds.host_doctor import checks_on

        show(f"\nThe host {host}", flush=True)
        remote = checks_on(host)
        _show_checks(remote)
        checked += remote
    if not all(check.ok for check in checked) and (device is None or device.kind.starts):
        raise typer.Exit(ExitCode.SETUP_MISSING)
    if device is None:
        show("\nA device's facts: binder-harness doctor --target embedded")
    else:
        _show_device(device)


def _show_checks(checked: list[Check]) -> None:
    for check in checked:
        state = "MISSING" if not check.ok else "ok" if check.present else "absent"
        show(listed(state, f"{check.name}: {check.detail}", indent=9))
        if not check.ok and check.fix:
            show(f"         to fix it: {check.fix}")


def _check_kernel(path: Path) -> None:
    """Show which options a kernel lacks; exit status 4 where the device would not run on it."""
    from emulator.embedded.kernel.configuration import Purpose, configuration_of, lacking, wanted

    configuration = configuration_of(path)
    architecture = configuration.architecture
    options = wanted(architecture)
    found = lacking(options, configuration)
    show(f"{configuration.where}, for {architecture.target_name}")
    for each in found:
        state = "MISSING" if each.option.purpose is Purpose.RUN else "absent"
        held = "is not set" if each.found is None else f"is {each.found}"
        needed = "needed" if each.option.purpose is Purpose.RUN else "some claims need it"
        show(f"{state:<7}  CONFIG_{each.option.name}={each.option.value}: it {held}; {needed}")
    show(f"{len(options) - len(found)} of {len(options)} options are there")
    if found:
        arch = "" if architecture is DEFAULT else f" --arch {architecture.target_name}"
        show(
            f"\nTo set the others: binder-harness kernel-config{arch} > binder.config; then, in the kernel's "
            "tree, scripts/kconfig/merge_config.sh .config binder.config"
        )
    if any(each.option.purpose is Purpose.RUN for each in found):
        raise typer.Exit(ExitCode.SETUP_MISSING)


def _show_device(target: ParsedTarget) -> None:
    from harness.device.binder_report import report_binder
    from harness.device.device import open_device
    from harness.experiments.core.figure import grouped
    from harness.experiments.core.json_values import to_json

    with open_device(target) as device:
        facts = device.facts
        binder = report_binder(device)
    show(f"\nThe device {target}")
    values = to_json(facts)
    assert isinstance(values, dict)
    for name, value in values.items():
        if name not in ("reasons", "driver", "binder_devices") and value not in (None, False, []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else grouped(value)
            text = "yes" if value is True else text
            show(wrapped(text, indent=22, first=name.replace("_", " ")))
    _show_binder(binder)
    if facts.takes_java and facts.java is None:
        show(wrapped(JAVA, indent=22, first="AOSP's Java"))
    for reason in _lacking(facts):
        first, *more = reason.splitlines()
        show(wrapped(first, indent=22, first="not testable here"))
        for line in more:
            show(wrapped(line.strip(), indent=22))


def _lacking(facts: Facts) -> Iterator[str]:
    """What the device lacks, each reason once, with the devices that have it."""
    from harness.device.facts import Need

    needs: dict[str, list[Need]] = {}
    for need in Need:
        if reason := need.reason(facts):
            needs.setdefault(reason, []).append(need)
    for reason, lacking in needs.items():
        meanings = " or ".join(need.meaning for need in lacking)
        places = "; ".join(dict.fromkeys(need.found_on for need in lacking))
        yield f"any claim or test that needs {meanings}: {reason}. It can be tested on {places}."


def _show_binder(binder: BinderReport) -> None:
    lines = [
        ("Binder", binder.driver),
        *((node.path, node.manager) for node in binder.nodes),
        (
            "limits on libbinder",
            f"{binder.largest_call:,} bytes in a call, {binder.largest_oneway:,} in a one-way call, into an "
            f"empty mapping; {binder.threads} threads beside its own",
        ),
    ]
    for label, text in lines:
        show(wrapped(text, indent=22, first=label))
