"""Intents and bundles in the JSON of the agent in Java."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.agent.errors import ProtocolError
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import Bundle
from harness.framework.intent import Intent
from harness.framework.java.agent import read_answer
from harness.framework.java.errors import JavaError
from harness.framework.java.values import (
    bundle_of,
    describe_bundle,
    describe_intent,
    describe_result,
    intent_of,
    result_of,
)
from tests.support.framework_values import bundles, int32s, intents, texts


@given(bundles)
def test_a_bundle_is_the_same_after_json(bundle: Bundle | None) -> None:
    bundle = bundle or {}
    described = json.loads(json.dumps(describe_bundle(bundle)))

    assert describe_bundle(bundle_of(described)) == described
    assert bundle_of(described).keys() == bundle.keys()


@given(intents)
def test_an_intent_is_the_same_after_json(intent: Intent) -> None:
    described = json.loads(json.dumps(describe_intent(intent)))

    assert describe_intent(intent_of(described)) == described


@given(st.builds(BroadcastResult, code=int32s, data=st.none() | texts, extras=bundles, abort=st.booleans()))
def test_the_result_of_a_broadcast_is_the_same_after_json(result: BroadcastResult) -> None:
    """But for the wish to abort, which only a receiver has, and no result."""
    described = json.loads(json.dumps(describe_result(result)))

    assert described.get("abort", False) is result.abort
    wanted = dataclasses.replace(result, abort=False)
    assert describe_result(result_of(described)) == describe_result(wanted)


def test_a_value_s_bits_are_kept() -> None:
    assert describe_bundle({"x": math.inf, "y": -0.0}) == {
        "x": ["Double", "9218868437227405312"],
        "y": ["Double", "-9223372036854775808"],
    }


def test_what_no_bundle_contains_is_refused() -> None:
    with pytest.raises(UsageError, match="complex"):
        describe_bundle({"x": complex(1)})  # type: ignore[dict-item]


def test_an_answer_has_the_transactions_with_their_stacks() -> None:
    answer = read_answer('{"result": 7, "calls": [{"code": 1, "stack": ["a.B.c(B.java:1)"]}]}')

    assert answer.result == 7
    assert [(call.code, call.stack) for call in answer.calls] == [(1, ("a.B.c(B.java:1)",))]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Hello",
        "7",
        "[]",
        "{}",
        '{"thrown": 1}',
        '{"thrown": {"class": "x"}}',
        '{"result": 1, "calls": [1]}',
        "[" * 10_000,
    ],
)
def test_a_line_that_is_no_answer_is_quoted(line: str) -> None:
    with pytest.raises(ProtocolError, match="a line that is no answer: "):
        read_answer(line)


def test_what_was_thrown_is_raised_with_its_stack() -> None:
    line = json.dumps(
        {"thrown": {"class": "android.os.DeadObjectException", "message": None, "stack": ["a", "b"]}}
    )

    with pytest.raises(JavaError, match="DeadObjectException\n    at a\n    at b") as caught:
        read_answer(line)

    assert caught.value.name == "DeadObjectException"
    assert caught.value.text is None
    assert caught.value.root is caught.value


def test_a_cause_is_an_error_of_its_own() -> None:
    cause = {"class": "android.os.TransactionTooLargeException", "message": "1040", "stack": ["c"]}
    thrown = {"class": "java.lang.RuntimeException", "message": "x", "stack": ["a"], "cause": cause}

    with pytest.raises(JavaError, match=r"Caused by android\.os\.TransactionTooLargeException") as caught:
        read_answer(json.dumps({"thrown": thrown}))

    assert caught.value.root.name == "TransactionTooLargeException"
