"""`aosp-tests`: AOSP's own tests of libbinder on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import ExitCode
from emulator.base.printable import show
from harness.commands.claims.outputs import Junit
from harness.commands.options import Cold, Host, Target, with_start_options
from harness.commands.text import wrapped

if TYPE_CHECKING:
    from harness.aosp_tests.running import ProgramRun

NAMES_WIDTH = 27


def aosp_tests(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Programs (binderLibTest) or their beginnings (binder). Default: all."
        ),
    ] = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    junit: Junit = None,
) -> None:
    """Run AOSP's own tests of libbinder on a device.

    \b
    binder-harness aosp-tests                        all, on the default device
    binder-harness aosp-tests binderLibTest --target 'embedded?driver=rust'
    binder-harness aosp-tests --target 'embedded?userland=14' --junit tests.xml

    They are of the device's generation of libbinder, from the sources that its user space is built
    from, and are built at the first use: in one and a half minutes on two cores. Programs:
    binderDriverInterfaceTest, binderLibTest, binderSafeInterfaceTest, binderTextOutputTest,
    binderThroughputTest and, from Android 11 on, binderStabilityTest and libbinder_ndk_unit_test.
    Each may take five minutes. Some need root.

    A failure whose reason is known, and is no fault of the device, is shown with it as expected.
    `matrix aosp --claims harness.aosp_tests` runs them on several devices, a claim for each program.
    Exit status: 0 all passed, 1 a test failed otherwise or a program did not run to its end.
    """
    from harness.aosp_tests import junit as xml
    from harness.aosp_tests.googletest import Outcome
    from harness.aosp_tests.running import chosen, generation_for, run_programs
    from harness.device.device import open_device
    from harness.report.stored import check_writable, write_text

    if junit is not None:
        check_writable(junit)
    chosen(names or ())  # before a device is started
    runs: list[ProgramRun] = []
    try:
        with open_device(with_start_options(target, cold=cold, host=host)) as device:
            generation = generation_for(device)
            programs = chosen(names or (), generation)
            show(f"AOSP's tests of {generation} on {target}\n")
            for run in run_programs(device, programs, generation):
                _show(run)
                runs.append(run)
    finally:
        if junit is not None and runs:  # also those before the device was lost
            write_text(xml.render(target, runs), junit)
    as_expected = sum(run.passed for run in runs)
    counts = {outcome: sum(run.count(outcome) for run in runs) for outcome in Outcome}
    tests = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    show(f"\n{as_expected} of {len(runs)} programs as expected; tests: {tests or 'none'}.")
    if as_expected < len(runs):
        raise typer.Exit(ExitCode.UNEXPECTED)


def _show(run: ProgramRun) -> None:
    from harness.aosp_tests.expected import EXPECTED_FAILURES
    from harness.aosp_tests.googletest import Outcome, first_lines

    counts = [f"{run.count(outcome)} {outcome}" for outcome in Outcome if run.count(outcome)]
    ending = f"; it {run.ending}" if run.ending else ""
    mark = "✓" if run.passed else "✗"
    text = f"{', '.join(counts) or 'no test ran'}, in {run.seconds:.1f} s{ending}"
    show(f"{mark} {run.name:<{NAMES_WIDTH}} {text}")
    for case in run.cases:
        if case.outcome is Outcome.FAILED and case.name in EXPECTED_FAILURES:
            reason = f"failed, as expected: {EXPECTED_FAILURES[case.name]}"
            show(wrapped(reason, indent=6, first=f"    {case.name}: "))
        elif case.outcome in (Outcome.FAILED, Outcome.UNFINISHED):
            show(wrapped("; ".join(first_lines(case.message)), indent=6, first=f"    {case.name}: "))
        elif case.outcome is Outcome.SKIPPED:
            reason = "; ".join(first_lines(case.message))
            show(wrapped(f"skipped: {reason}" if reason else "skipped", indent=6, first=f"    {case.name}: "))
