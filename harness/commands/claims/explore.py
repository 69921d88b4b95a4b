"""`explore`: drives random programs of driver commands against the model, until they differ."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import DeviceLostError, ExitCode, HarnessError, UsageError, did_you_mean
from emulator.base.printable import show
from emulator.base.progress import report
from harness.commands.options import Cold, Host, PositionalTarget, Target, one_target, with_start_options
from harness.commands.text import wrapped
from harness.kernel.concise import counted

if TYPE_CHECKING:
    from harness.explore.comparison import Taker
    from harness.explore.result import Exploration
    from harness.explore.search import Search
    from harness.model.features import Features
    from harness.model.steps import Step

DEFAULT_SECONDS = 60.0
SHORTEN_SECONDS = 60.0
"""How long programs that stop a device, or on which two drivers differ, are shortened."""
PROGRAMS = "programs"
"""The directory in the cache with programs that were found, by name."""


def explore(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: Target = "embedded",
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", min=1, metavar="SECONDS", help=f"Search for so long. Default: {DEFAULT_SECONDS:g}."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, metavar="N", help="Take so many steps.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Repeat a search; default: another one.")
    ] = None,
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
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="NAME|FILE.py", help="Take a program of an earlier search again."),
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
    binder-harness explore --replay 1f0c9a7e
    """
    from hypothesis.database import DirectoryBasedExampleDatabase

    from emulator.base.deadline import Deadline
    from emulator.cache.root import cache_root
    from harness.device.device import Device, open_device
    from harness.experiments.core.json_values import to_json
    from harness.explore import kept_programs
    from harness.explore.losses import stops_device
    from harness.explore.result import Exploration
    from harness.explore.search import Limits, Search
    from harness.explore.shrinking import shortest
    from harness.explore.taking.actors import Actors, free_node
    from harness.report import stored

    if output is not None:
        stored.check_writable(output)
    chosen = chosen_rules(rules)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if seconds is None and steps is None:
        seconds = DEFAULT_SECONDS
    parsed = with_start_options(one_target(context, positional, target), cold=cold, host=host)
    other = None if against is None else with_start_options(against, cold=cold, host=None)
    directory = cache_root() / "explore"
    program = None if replay is None else kept_programs.load(replay, directory / PROGRAMS)

    def opened(devices: contextlib.ExitStack) -> list[Device]:
        return [devices.enter_context(open_device(each)) for each in (parsed, other) if each is not None]

    @contextlib.contextmanager
    def fresh() -> Iterator[Sequence[Taker]]:
        with contextlib.ExitStack() as devices:
            yield [Actors(each, free_node(each)) for each in opened(devices)]

    with contextlib.ExitStack() as stack:
        devices = opened(stack)
        for device in devices:
            if not device.controller.disposable and not allow:
                raise UsageError(
                    f"{device.serial} is not Binder harness's own, and a fault in its driver may stop it. "
                    "If that is acceptable, add --allow-explore."
                )
        takers = [Actors(device, free_node(device)) for device in devices]
        if program is not None:
            take_again(program, takers)
            return
        report(f"exploring {' and '.join(str(each) for each in (parsed, other) if each)}, seed {seed}")
        known = known_differences(*(each.features for each in takers))
        if known:
            report(f"the two drivers are known to differ in {known}")
        search = Search(*takers, limits=Limits(seconds, steps), progress=show_progress)
        run = partial(search.run, chosen, seed=seed, database=DirectoryBasedExampleDatabase(directory))
        end = searched(search, run)
        lost = end if isinstance(end, DeviceLostError) else None
        if lost is not None and all(each.controller.disposable for each in devices):
            report(f"the device stopped: looking for the shortest program, {SHORTEN_SECONDS:g} s at most")
            stops = partial(stops_device, fresh)
            search.unfinished = shortest(search.unfinished, stops, Deadline(SHORTEN_SECONDS))
        result = Exploration.of(
            search,
            harness=stored.harness_version(),
            target=str(parsed),
            device=devices[0].facts,
            against=None if other is None else str(other),
            rules=chosen,
            seed=seed,
            interrupted=isinstance(end, KeyboardInterrupt),
            lost=None if lost is None else str(lost),
        )
    if output is not None:
        stored.write(to_json(result), output)
    show_result(result)
    found = search.unfinished if search.disagreement is None else search.disagreement.program
    if found:
        name = kept_programs.keep(found, directory / PROGRAMS)
        show(f"To take it again: binder-harness explore --replay {name}")
    if lost is not None:
        raise lost
    if result.differences:
        raise typer.Exit(ExitCode.UNEXPECTED)


def searched(search: Search, run: Callable[[], object]) -> KeyboardInterrupt | DeviceLostError | None:
    """Run a search, and shorten what it found; what ended it early, where something did."""
    try:
        run()
        if any(not each.is_known for each in search.apart.values()):
            report(f"looking for the shortest programs that differ, {SHORTEN_SECONDS:g} s at most")
            search.shorten(SHORTEN_SECONDS)
    except (KeyboardInterrupt, DeviceLostError) as end:
        return end
    except (HarnessError, OSError):
        show_unfinished(search)
        raise
    return None


def take_again(program: Sequence[Step], takers: Sequence[Taker]) -> None:
    """Take a program, and show whether the drivers and the model agree on it; exit status 1 where not."""
    from harness.explore.comparison import Apart, DisagreementError, Together

    apart: dict[str, Apart] = {}
    together = Together(takers, apart)
    try:
        for step in program:
            together.take(step)
    except DisagreementError as error:
        show(str(error))
        raise typer.Exit(ExitCode.UNEXPECTED) from error
    finally:
        for taker in takers:
            taker.reset()
    for each in apart.values():
        show(f"Step {len(each.program)}, the two drivers differ: {each.what}")
    show(f"Driver and model agree on {counted(len(program), 'step')}.")


def known_differences(first: Features, *others: Features) -> str:
    """The features in which another driver differs, as the trial before a search has shown."""
    names = [
        field.name
        for field in dataclasses.fields(first)
        if any(getattr(first, field.name) != getattr(other, field.name) for other in others)
    ]
    return ", ".join(names)


def chosen_rules(text: str | None) -> tuple[str, ...]:
    """The rules named in `A,B`, or all; UsageError, with the names, for an unknown one."""
    from harness.explore.choosing.rules import RULES

    names = tuple(RULES) if text is None else tuple(filter(None, map(str.strip, text.split(","))))
    unknown = [name for name in names if name not in RULES]
    if unknown or not names:
        near = did_you_mean(unknown[0], RULES) if unknown else ""
        raise UsageError(
            f"--rules: {', '.join(unknown) or 'nothing'} is no rule.{near} There are: {', '.join(RULES)}."
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
            f"{result.commands / max(result.seconds, 0.001):.0f} commands/s, "
            f"{result.state_pairs} pairs of command and state. "
            f"Seed {result.seed}." + (" Interrupted." if result.interrupted else "")
        )
    )
    for kind, names in result.not_reached.items():
        if names:
            show(wrapped(", ".join(names), indent=4, first=f"{kind} not reached:"))
    for each in result.apart:
        show(
            wrapped(
                f"{each.what} ({counted(each.steps, 'step')})",
                indent=4,
                first="the two drivers differ, as known:" if each.is_known else "the two drivers differ:",
            )
        )
        if not each.is_known:
            show(each.program)
    if result.lost is not None:
        show(f"\nThe device stopped in the last step of this program:\n\n{result.program or ''}")
        return
    if not result.differences:
        show("Driver and model agree." if result.steps else "No step was taken: nothing was compared.")
        return
    show("\nDriver and model differ in the last step of this program:\n")
    for difference in result.differences:
        show(wrapped(difference, indent=4, first=""))
    show(f"\n{result.program or ''}")
