"""Makes each claim a pytest test, so that -k, -x, --lf, JUnit and xdist work on claims.

`pytest --pyargs harness.experiments -k mmap` runs some; the fixture comes with the pytest plugin.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.experiments.core.claim import CLAIMS, Claim, Verdict
from harness.experiments.core.judge import Result


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each claim, named by its id."""
    claims = CLAIMS.all()
    metafunc.parametrize("claim", claims.values(), ids=claims.keys())


def test_claim(claim: Claim, judge_claim: Callable[[Claim], Result]) -> None:
    """Passes when the device shows what is known, skips what it cannot tell, fails otherwise."""
    result = judge_claim(claim)
    if result.verdict is Verdict.NOT_TESTABLE:
        pytest.skip(result.reason)
    if result.as_known is False:
        pytest.fail(f"{result.explanation}\n{result.traceback}".rstrip(), pytrace=False)
