"""Every parser, and each agent in C, takes or refuses mutated input; `make fuzz` goes on for longer."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.target import Agent, Target
from tests.fuzz.targets import AGENTS, TARGETS

ROOT = Path(__file__).parents[2]
PARSER = re.compile(r"(?:parse|decode)(?:d|_\w+)?$")
COVERED = {
    "harness.kernel.binder_debug.work_parser": "by parse_state, which calls it",
    "harness.kernel.binder_debug.record_parser": "by parse_state, which calls it",
    "harness.binder.abi.tagged": "by returns.parse and commands.parse, which call it",
    "harness.agent.protocol": "by FrameDecoder's target, which decodes each frame",
}
"""Modules whose parsers have no target of their own, and why."""
INPUTS = 60
"""For each target."""
SESSIONS = 8
"""With each agent."""
A_LONG_NUMBER = b"7" * 5000
"""More digits than `int` takes."""


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_a_parser_takes_or_refuses_what_is_malformed(target: Target) -> None:
    choice = random.Random(target.name)
    target(b"")
    for seed in target.seeds:
        target(seed)
        for _ in range(INPUTS):
            target(mutated(seed, choice))
        for number in list(re.finditer(rb"\d+", seed))[:INPUTS]:
            target(seed[: number.start()] + A_LONG_NUMBER + seed[number.end() :])


def test_each_target_has_a_name_of_its_own_and_a_well_formed_input() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    assert all(target.seeds for target in TARGETS)


@pytest.mark.parametrize("agent", AGENTS, ids=[agent.name for agent in AGENTS])
def test_an_agent_takes_or_refuses_whatever_it_is_sent(tmp_path: Path, agent: Agent) -> None:
    program = agent.build(tmp_path)
    for number in range(SESSIONS):
        _, finding = agent.session(program, random.Random(number))
        assert finding == ""


def parsers() -> Iterator[str]:
    """The public functions of ours that are named as parsers, with their modules."""
    for package in ("emulator", "harness"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and PARSER.match(node.name):
                    yield f"{module}.{node.name}"


def test_every_parser_is_a_target() -> None:
    """One that is not needs a `Target` in tests/fuzz, with a well-formed input and what it may raise."""
    names = {target.name for target in TARGETS}
    modules = {name.rpartition(".")[0] for name in names} | COVERED.keys()
    missing = [name for name in parsers() if name not in names and name.rpartition(".")[0] not in modules]
    assert missing == []
