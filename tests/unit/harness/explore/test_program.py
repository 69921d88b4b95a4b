"""A program is printed as Python that makes the same program."""

from __future__ import annotations

import pytest

from harness.explore import names
from harness.explore.program import as_python, shown
from harness.model.steps import Exchange, Open, Payload, Pointer, Step, Transact
from tests.support.model_taker import random_program


def test_what_has_its_default_is_left_out() -> None:
    call = Transact(0, payload=Payload(0, (Pointer(8), Pointer(8, parent=0))))
    step = Exchange(2, 1, (call,))
    assert shown(step) == (
        "Exchange(2, 1, (Transact(0, payload=Payload(objects=(Pointer(8), Pointer(8, parent=0)))),))"
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_program_can_be_read_again(seed: int) -> None:
    program: list[Step] = [step for step, _ in random_program(seed)]
    read = [eval(shown(each), vars(names)) for each in program]
    assert read == program


def test_a_program_runs_on_a_device() -> None:
    assert "    replay(\n        device,\n        Open(1),\n    )" in as_python([Open(1)])
