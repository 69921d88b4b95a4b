"""Each of AOSP's test programs as a claim, so that `verify` and `matrix` run them, and every report has them.

They take minutes and a build, so they are among the claims where that is asked for:

    binder-harness matrix aosp --claims harness.aosp_tests
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from emulator.build.aosp_tests import FROM_11, IN_ALL
from emulator.build.userland import THROUGHPUT_TEST
from harness.aosp_tests.expected import EXPECTED_FAILURES
from harness.aosp_tests.googletest import Outcome, first_lines
from harness.aosp_tests.running import PROGRAM_SECONDS, ProgramRun, chosen, generation_for, run_programs
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Topic, claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.device.device import Device

SECONDS_TO_BUILD = 600.0
"""What the build may take, on a busy machine: it is part of the first measurement."""
_ENDS = re.compile(r"_|(?<=[a-z])(?=[A-Z])")
_IN_ALL_NAMES = ("libbinder", "binder", "test")


def id_of(program: str) -> str:
    """The id of a program's claim: of binderSafeInterfaceTest `aosp.safe-interface`."""
    words = [word for word in _ENDS.sub(" ", program).lower().split() if word not in _IN_ALL_NAMES]
    return f"aosp.{'-'.join(words)}"


def _measure(program: str) -> Callable[[Device], ProgramRun]:
    def run(device: Device) -> ProgramRun:
        """Run the program to its end; it is built at the first use."""
        generation = generation_for(device)
        if program not in chosen((), generation):
            raise FacilityMissingError(
                f"needs a test that AOSP has since Android 11, and libbinder is of {generation}. It can be "
                "tested on the target `embedded`."
            )
        (found,) = run_programs(device, [program], generation)
        return found

    return run


def passes(m: ProgramRun, facts: Facts) -> Finding:  # noqa: ARG001
    """What failed for a known reason is shown; what else failed, or kept the program from its end, counts."""
    where = f"the report of {m.name}"
    skipped = {case.name: case.message for case in m.cases if case.outcome is Outcome.SKIPPED}
    failed = {case.name: case.message for case in m.cases if case.outcome is Outcome.FAILED}
    known = {name: EXPECTED_FAILURES[name] for name in failed if name in EXPECTED_FAILURES}
    others = {name: "; ".join(first_lines(text)) for name, text in failed.items() if name not in known}
    others |= {case.name: m.ending for case in m.cases if case.outcome is Outcome.UNFINISHED}
    counts = {
        "passed": m.count(Outcome.PASSED),
        "skipped": len(skipped),
        "failed_for_a_known_reason": len(known),
        "failed": len(others),
    }
    figures = {f"tests_{name}": Figure(count, where) for name, count in counts.items()}
    figures["not_passed"] = Figure(others | known | skipped, where)
    figures["duration"] = Figure(round(m.seconds, 1), "the host's clock", unit="s", varies=True)
    figures["end"] = Figure(m.ending or "ran to its end", "the program's exit status")
    told = [f"{{tests_{name}}} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    sentence = f"{', '.join(told) or 'no test ran'}, in {{duration}}; the program {{end}}"
    if skipped or failed or others:
        sentence += "; {not_passed}"
    return Finding.whether(m.passed, sentence, **figures)


for _program in (*IN_ALL, *FROM_11, THROUGHPUT_TEST):
    claim(
        id_of(_program),
        measure=_measure(_program),
        documents="",
        statement=f"AOSP's {_program} passes, but for tests that fail for a known reason.",
        experiment="Build the program from the sources of the device's libbinder, and run it on the device.",
        source="frameworks/native: libs/binder/tests and libs/binder/ndk/tests, Android 10, 11 and 14",
        needs=(Need.SERVICE_MANAGER,),
        time_limit=PROGRAM_SECONDS + SECONDS_TO_BUILD,
        topic=Topic.LIBBINDER,
    )(passes)
