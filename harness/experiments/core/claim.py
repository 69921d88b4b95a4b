"""What a claim is: a statement, the experiment that tests it, and what is known to come out of it.

A module of this package holds the claims of one section. Each is a function from a device to a finding:

    @claim(
        "mmap.once",
        documents="AB",
        section=Section.MAPPING,
        statement="A second mapping of the same open file fails with EBUSY.",
        experiment="Map one open binder device twice.",
        source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler, Linux 6.12",
        needs=(Need.FREE_BINDER,),
    )
    def mapping_once(device: Device) -> Finding:
        measured = measure_second_mapping(device)
        return Finding.whether(
            measured.error == errno.EBUSY,
            f"the second mmap failed with {errno.errorcode[measured.error]}",
            Evidence("errno of the second mmap", "mmap", measured.error),
        )
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from harness.device.facts import Facts, Need
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.registry import Registry

if TYPE_CHECKING:
    from harness.device.device import Device

TIME_LIMIT = 60.0
"""Seconds one experiment may take where its claim says nothing else."""


class Verdict(StrEnum):
    """What came of a claim on a device."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    CONDITIONAL = "conditional"
    """Of some devices only; the claim's `instead` says of which."""
    NOT_TESTABLE = "not testable here"
    LOST = "lost"
    """The device died of the experiment, or during it."""
    ERROR = "error"
    """The experiment itself broke off; nothing is said about the claim."""


class Section(StrEnum):
    """The tables in which the claims are shown, in this order."""

    DEVICE_NODE = "Device node and process bookkeeping"
    MAPPING = "The mapping"
    ONE_COPY = "One copy"
    SIZE_LIMITS = "Size limits"
    PROTOCOL = "The protocol"
    SERVICE_MANAGER = "Service Manager"
    LIBBINDER = "libbinder"
    FRAMEWORK = "The framework"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known to come out, where that depends on the device: in words, and as a predicate over facts.

    `verdict` returns None for a device of which nothing is known; no verdict deviates there.
    """

    text: str
    verdict: Callable[[Facts], Verdict | None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure behind a verdict: what it is, where it was read, and what is known of it, if anything.

    Values are kept in their JSON form: enumerations by value, bytes in hexadecimal, tuples as lists.
    """

    what: str
    where: str
    """A file, ioctl, system call or tracepoint."""
    value: object
    known: object = None
    """The only value that is no deviation; None where none is known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", to_json(self.value))
        object.__setattr__(self, "known", to_json(self.known))

    @property
    def deviation(self) -> str | None:
        """How the value differs from the known one, in words; None where it does not."""
        if self.known is None or self.value == self.known:
            return None
        return f"{self.what}: got {shown(self.value)}, expected {shown(self.known)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an experiment found: a verdict, one plain sentence with the figures, and the evidence."""

    verdict: Verdict
    measured: str
    evidence: tuple[Evidence, ...] = ()

    @classmethod
    def whether(cls, holds: bool, measured: str, *evidence: Evidence) -> Finding:
        """Confirmed where the statement `holds`, else refuted."""
        return cls(Verdict.CONFIRMED if holds else Verdict.REFUTED, measured, evidence)

    @property
    def deviations(self) -> tuple[str, ...]:
        """The figures that are other than known, in words."""
        return tuple(deviation for item in self.evidence if (deviation := item.deviation))


Experiment = Callable[["Device"], Finding]
ExperimentT = TypeVar("ExperimentT", bound=Experiment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the source documents, with everything needed to judge it on a device."""

    id: str
    documents: str
    """The letters of the documents that say so; empty where none does."""
    section: Section
    statement: str
    experiment: str
    """In one or two sentences: what is done, and what decides the verdict."""
    source: str
    """Where what is known comes from: file, function, release."""
    run: Experiment
    known: Verdict | Expectation = Verdict.CONFIRMED
    needs: tuple[Need, ...] = ()
    instead: str = ""
    """For what is refuted or holds only on some devices: what is true instead, since when or where."""
    time_limit: float = TIME_LIMIT
    """Seconds the experiment may take."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]+\.[a-z0-9-]+", self.id):
            raise ValueError(f"{self.id!r} is no claim id: area.what-is-said")
        if self.known in (Verdict.REFUTED, Verdict.CONDITIONAL) and not self.instead:
            raise ValueError(f"{self.id} is {self.known}, but does not say what is true instead")

    @property
    def known_text(self) -> str:
        """What is known to come out, in words."""
        return self.known.text if isinstance(self.known, Expectation) else self.known.value

    def known_verdict(self, facts: Facts) -> Verdict | None:
        """What is known to come out on a device with these facts; None where nothing is known."""
        return self.known.verdict(facts) if isinstance(self.known, Expectation) else self.known


class ClaimRegistry(Registry[Claim]):
    """The claims, section by section."""

    def all(self) -> dict[str, Claim]:
        """Every claim by id, in the order of the sections, and as in its module within one."""
        order = list(Section)
        entries = sorted(super().all().items(), key=lambda entry: order.index(entry[1].section))
        return dict(entries)


CLAIMS = ClaimRegistry("claim", "harness.experiments", listed_by="binder-harness list")


def claim(
    id: str,  # noqa: A002 — what everyone calls it
    *,
    documents: str,
    section: Section,
    statement: str,
    experiment: str,
    source: str,
    known: Verdict | Expectation = Verdict.CONFIRMED,
    needs: tuple[Need, ...] = (),
    instead: str = "",
    time_limit: float = TIME_LIMIT,
) -> Callable[[ExperimentT], ExperimentT]:
    """Make a function from a device to a finding the experiment of a claim; see `Claim` for the fields."""

    def register(run: ExperimentT) -> ExperimentT:
        CLAIMS.add(
            id,
            Claim(
                id=id,
                documents=documents,
                section=section,
                statement=statement,
                experiment=experiment,
                source=source,
                run=run,
                known=known,
                needs=needs,
                instead=instead,
                time_limit=time_limit,
            ),
        )
        return run

    return register


def shown(value: Json | object) -> str:
    """A value as people read it: whole numbers with separators."""
    return f"{value:,}" if type(value) is int else str(value)
