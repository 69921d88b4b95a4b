"""The result document of an exploration."""

from __future__ import annotations

from dataclasses import dataclass

from harness.device.facts import Facts
from harness.explore.program import as_python
from harness.explore.search import Search

SCHEMA = "binder-harness/exploration"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which two drivers differ."""

    what: str
    """What the first and the other returned."""
    steps: int
    program: str
    """The shortest that shows it, in Python."""
    is_known: bool
    """Whether each driver does as its model says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What was driven on a device, and the shortest program on which it and the model differ, if any."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str
    """Version of Binder harness."""
    target: str
    device: Facts
    against: str | None
    """The target whose driver took the same steps."""
    rules: tuple[str, ...]
    seed: int
    seconds: float
    steps: int
    programs: int
    commands: int
    interrupted: bool
    state_pairs: int
    """How many pairs of a command and the state that it met."""
    driven: dict[str, int]
    """How often each command and ioctl was carried out."""
    received: dict[str, int]
    """How often each return was received."""
    objects: dict[str, int]
    not_reached: dict[str, list[str]]
    """The names of the kernel's interface that were not reached, by kind."""
    unreachable: dict[str, str]
    """Those that no program reaches on this driver, with the reason."""
    differences: tuple[str, ...]
    """Of the last step of the program; empty where driver and model agree."""
    program: str | None
    """Python."""
    lost: str | None
    """Why the device stopped in the last step of `program`, with the last lines of its console."""
    apart: tuple[Difference, ...]
    """How the two drivers differ, each as its model says."""
    reproducible: bool
    """Whether that program differs each time it is run."""

    @classmethod
    def of(
        cls,
        search: Search,
        *,
        harness: str,
        target: str,
        device: Facts,
        against: str | None,
        rules: tuple[str, ...],
        seed: int,
        interrupted: bool,
        lost: str | None = None,
    ) -> Exploration:
        """The result of a search, finished or not."""
        coverage, found = search.coverage, search.disagreement
        program = search.unfinished if found is None else found.program
        return cls(
            harness=harness,
            target=target,
            device=device,
            against=against,
            apart=tuple(
                Difference(each.what, each.steps, as_python(each.program), each.is_known)
                for each in sorted(search.apart.values(), key=lambda each: -each.steps)
            ),
            rules=rules,
            seed=seed,
            seconds=round(search.seconds, 3),
            steps=search.steps,
            programs=search.programs,
            commands=search.commands,
            interrupted=interrupted,
            state_pairs=len(coverage.pairs),
            driven=dict(sorted((coverage.commands + coverage.ioctls).items())),
            received=dict(sorted(coverage.returns.items())),
            objects=dict(sorted(coverage.objects.items())),
            not_reached=coverage.missing(),
            unreachable=coverage.unreachable,
            differences=() if found is None else found.differences,
            program=as_python(program) if program else None,
            lost=lost,
            reproducible=search.reproducible,
        )
