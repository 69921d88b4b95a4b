"""`explore`: drives random programs of driver commands against the model, until they differ."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import ExitCode, HarnessError, UsageError
from emulator.base.printable import show
from emulator.base.progress import report
from harness.commands.options import Cold, Host, PositionalTarget, Target, one_target, with_start_options
from harness.commands.text import wrapped
from harness.kernel.concise import counted

if TYPE_CHECKING:
    from harness.explore.result import Exploration
    from harness.explore.search import Search

DEFAULT_SECONDS = 60.0
SHORTEN_SECONDS = 60.0
"""How long the programs on which two drivers differ are shortened."""


def explore(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: Target = "embedded",
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=1, help=f"Search for so long. Default: {DEFAULT_SECONDS:g}."),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Take so many steps.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Repeat a search; default: another one.")] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="TARGET2", help="Take the same steps on another device, and compare the two."
        ),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option("--rules", metavar="A,B", help="Only these rules, and those that every program needs."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result document to FILE.")
    ] = None,
    allow: Annotated[
        bool,
        typer.Option("--allow-explore", help="Explore a device that Binder harness has not made."),
    ] = False,
    cold: Cold = False,
    host: Host = None,
) -> None:
    """Drive random programs of commands against a model of the driver, and show where they differ.

    Each step is compared with the model: the result, what is returned, what the debug files show. The exit
    status is 1 where they differ; then the shortest program that shows it is printed as Python, and the next
    search begins with it.

    \b
    binder-harness explore                         a minute on the embedded device
    binder-harness explore 'embedded?kernel=6.1' --steps 5000 --seed 7
    binder-harness explore --against 'embedded?kernel=6.1'
    binder-harness explore --rules refcounts,deaths,exits --json exploration.json
    """
    from hypothesis.database import DirectoryBasedExampleDatabase

    from emulator.cache.root import cache_root
    from harness.device.device import open_device
    from harness.experiments.core.json_values import to_json
    from harness.explore.result import Exploration
    from harness.explore.search import Limits, Search
    from harness.explore.taking.actors import Actors, free_node
    from harness.report import stored

    chosen = chosen_rules(rules)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if seconds is None and steps is None:
        seconds = DEFAULT_SECONDS
    parsed = with_start_options(one_target(context, positional, target), cold=cold, host=host)
    database = DirectoryBasedExampleDatabase(cache_root() / "explore")
    other = None if against is None else with_start_options(against, cold=cold, host=None)
    with contextlib.ExitStack() as devices:
        opened = [devices.enter_context(open_device(each)) for each in (parsed, other) if each is not None]
        for device in opened:
            if not device.controller.disposable and not allow:
                raise UsageError(
                    f"{device.serial} is not Binder harness's own, and a fault in its driver may stop it. "
                    "If that is acceptable, add --allow-explore."
                )
        takers = [Actors(device, free_node(device)) for device in opened]
        report(f"exploring {' and '.join(str(each) for each in (parsed, other) if each)}, seed {seed}")
        search = Search(*takers, limits=Limits(seconds, steps), progress=show_progress)
        interrupted = False
        try:
            search.run(chosen, seed=seed, database=database)
        except KeyboardInterrupt:
            interrupted = True
        except (HarnessError, OSError):
            show_unfinished(search)
            raise
        if search.apart and not interrupted:
            report(f"looking for the shortest programs that differ, {SHORTEN_SECONDS:g} s at most")
            search.shorten(SHORTEN_SECONDS)
        result = Exploration.of(
            search,
            harness=stored.harness_version(),
            target=str(parsed),
            device=opened[0].facts,
            against=None if other is None else str(other),
            rules=chosen,
            seed=seed,
            interrupted=interrupted,
        )
    if output is not None:
        stored.write(to_json(result), output)
    show_result(result)
    if result.differences:
        raise typer.Exit(ExitCode.UNEXPECTED)


def chosen_rules(text: str | None) -> tuple[str, ...]:
    """The rules named in `A,B`, or all; UsageError, with the names, for an unknown one."""
    from harness.explore.choosing.rules import RULES

    names = tuple(RULES) if text is None else tuple(filter(None, map(str.strip, text.split(","))))
    unknown = [name for name in names if name not in RULES]
    if unknown or not names:
        raise UsageError(
            f"--rules: {', '.join(unknown) or 'nothing'} is no rule. There are: {', '.join(RULES)}."
        )
    return names


def show_progress(search: Search) -> None:
    """One line of progress."""
    found = ", a difference: looking for the shortest program" if search.disagreement is not None else ""
    report(
        f"{search.steps:,} steps of {search.programs:,} programs, "
        f"{search.commands / search.seconds:.0f} commands/s, "
        f"{len(search.coverage.pairs)} pairs of command and state{found}"
    )


def show_unfinished(search: Search) -> None:
    """The program that was under way when the device failed."""
    from harness.explore.program import as_python

    if search.unfinished:
        show(f"The device failed in the last step of this program:\n\n{as_python(search.unfinished)}")


def show_result(result: Exploration) -> None:
    """The summary, and the shortest program where driver and model differ."""
    show(
        wrapped(
            f"{result.steps:,} steps of {result.programs:,} programs in {result.seconds:.1f} s: "
            f"{result.commands / result.seconds:.0f} commands/s, "
            f"{result.state_pairs} pairs of command and state. "
            f"Seed {result.seed}." + (" Interrupted." if result.interrupted else "")
        )
    )
    for kind, names in result.not_reached.items():
        if names:
            show(wrapped(", ".join(names), indent=4, first=f"{kind} not reached:"))
    for each in result.apart:
        show(
            wrapped(f"{each.what} ({counted(each.steps, 'step')})", indent=4, first="the two drivers differ:")
        )
        show(each.program)
    if not result.differences:
        show("Driver and model agree.")
        return
    show("\nDriver and model differ in the last step of this program:\n")
    for difference in result.differences:
        show(wrapped(difference, indent=4, first=""))
    show(f"\n{result.program or ''}")
