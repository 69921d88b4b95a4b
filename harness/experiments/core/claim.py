"""What a claim is: a statement, the measurement that tests it, and the verdict as a function of both.

A topic's claims are in its folder's claims.py, beside the measurements:

    @claim(
        "mmap.once",
        measure=measure_second_mapping,
        documents="AB",
        statement="A second mapping of the same open file fails with EBUSY.",
        experiment="Map one open binder device twice.",
        source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler, Linux 6.12",
        needs=(Need.FREE_BINDER,),
    )
    def mmap_once(m: SecondMapping, facts: Facts) -> Finding:
        return Finding.whether(
            m.second == "EBUSY",
            "the second mmap: {second}",
            second=Figure(m.second, "mmap"),
        )

The verdict is a pure function: it sees what was measured and the device's facts, and nothing else.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from harness.device.facts import Facts, Need
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import Json, from_json
from harness.experiments.core.registry import Registry

if TYPE_CHECKING:
    from harness.device.device import Device

TIME_LIMIT = 60.0
"""Seconds a measurement may take where its claim does not set another limit."""
PACKAGE = "harness.experiments"

MeasuredT = TypeVar("MeasuredT")


class Topic(StrEnum):
    """The folders of claims, in the order in which reports show them."""

    NODE = "node"
    MAPPING = "mapping"
    COPIES = "copies"
    LIMITS = "limits"
    PROTOCOL = "protocol"
    SERVICE_MANAGER = "service_manager"
    LIBBINDER = "libbinder"
    FRAMEWORK = "framework"
    OTHER = "other"
    """Of claims from elsewhere that name none of these."""

    @property
    def heading(self) -> str:
        """The topic in words."""
        return _HEADINGS[self]


_HEADINGS = {
    Topic.NODE: "Device node and process bookkeeping",
    Topic.MAPPING: "The mapping",
    Topic.COPIES: "One copy",
    Topic.LIMITS: "Size limits",
    Topic.PROTOCOL: "The protocol",
    Topic.SERVICE_MANAGER: "Service manager",
    Topic.LIBBINDER: "libbinder",
    Topic.FRAMEWORK: "The framework",
    Topic.OTHER: "Other claims",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the source documents, with everything needed to judge it on a device."""

    id: str
    topic: Topic
    documents: str
    """The letters of the documents that state it; empty where none does."""
    statement: str
    experiment: str
    """In one or two sentences: what is done, and what decides the verdict."""
    source: str
    """The source of the expectation: file, function, release."""
    measure: Callable[[Device], Any]
    verdict: Callable[[Any, Facts], Finding]
    expected: Verdict | Expectation = Verdict.CONFIRMED
    needs: tuple[Need, ...] = ()
    what_is_true: str = ""
    """Of what is refuted or conditional: what is true, since when or where."""
    time_limit: float = TIME_LIMIT
    """Seconds the measurement may take."""
    alone: bool = False
    """Whether it changes the device for other claims: where several are judged at a time, it comes last."""
    taken_for_granted: bool = False
    """Whether people believe it without a second thought: where it is refuted, reports show that first."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]+\.[a-z0-9-]+", self.id):
            raise ValueError(f"{self.id!r} is not a claim id: area.what-is-stated")
        if self.expected in (Verdict.REFUTED, Verdict.CONDITIONAL) and not self.what_is_true:
            raise ValueError(f"{self.id} is expected to be {self.expected}, but does not state what is true")

    @property
    def expected_text(self) -> str:
        """The expected verdict, in words."""
        return self.expected.text if isinstance(self.expected, Expectation) else self.expected.value

    def expected_verdict(self, facts: Facts) -> Verdict | None:
        """The expected verdict on a device with these facts; None where nothing is expected."""
        return self.expected.verdict(facts) if isinstance(self.expected, Expectation) else self.expected

    @property
    def measured_type(self) -> object:
        """The type of the measurement, as the verdict function's first parameter declares it."""
        hints = typing.get_type_hints(self.verdict)
        return hints[next(iter(inspect.signature(self.verdict).parameters))]

    def measurement_from(self, value: Json) -> Any:
        """A stored measurement; ValueError, naming the place, where its shape has changed since."""
        return from_json(self.measured_type, value, where=f"the measurement of {self.id}")


def topic_of(module: str) -> Topic:
    """The topic of a module's claims: the name of its folder, or OTHER for a module outside this package."""
    return Topic(module.split(".")[-2]) if module.startswith(f"{PACKAGE}.") else Topic.OTHER


class ClaimRegistry(Registry[Claim]):
    """The claims, topic by topic."""

    def order(self) -> list[str]:
        """The ids by topic, and as in its module within one."""
        topics = list(Topic)
        return sorted(super().order(), key=lambda id_: topics.index(self.topic(id_)))

    def topic(self, id: str) -> Topic:  # noqa: A002
        """A claim's topic."""
        return topic_of(self.declared[id].module) if id in self.declared else self.all()[id].topic

    def statement(self, id: str) -> str:  # noqa: A002
        """What a claim states."""
        return self.declared[id].texts()["statement"] if id in self.declared else self.all()[id].statement


CLAIMS = ClaimRegistry("claim", PACKAGE, listed_by="binder-harness list")


def claim(
    id: str,  # noqa: A002 — what everyone calls it
    *,
    measure: Callable[[Device], MeasuredT],
    documents: str,
    statement: str,
    experiment: str,
    source: str,
    expected: Verdict | Expectation = Verdict.CONFIRMED,
    needs: tuple[Need, ...] = (),
    what_is_true: str = "",
    time_limit: float = TIME_LIMIT,
    alone: bool = False,
    topic: Topic | None = None,
    taken_for_granted: bool = False,
) -> Callable[[Callable[[MeasuredT, Facts], Finding]], Callable[[MeasuredT, Facts], Finding]]:
    """Make a function of a measurement and facts the verdict of a claim; see `Claim` for the fields.

    Without `topic` it is the folder of its module, or OTHER for a module outside Binder harness.
    """

    def register(verdict: Callable[[MeasuredT, Facts], Finding]) -> Callable[[MeasuredT, Facts], Finding]:
        CLAIMS.add(
            id,
            Claim(
                id=id,
                topic=topic or topic_of(verdict.__module__),
                documents=documents,
                statement=statement,
                experiment=experiment,
                source=source,
                measure=measure,
                verdict=verdict,
                expected=expected,
                needs=needs,
                what_is_true=what_is_true,
                time_limit=time_limit,
                alone=alone,
                taken_for_granted=taken_for_granted,
            ),
            verdict,
        )
        return verdict

    return register
