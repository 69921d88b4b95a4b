"""Makes each claim a pytest test, so that -k, -x, --lf, JUnit and xdist work on claims.

`pytest --pyargs harness.experiments -k mmap` runs some; the fixture comes with the pytest plugin.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.base.printable import printable
from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.finding import Verdict
from harness.experiments.core.loading import load_claims
from harness.experiments.core.result import Result


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each claim, named by its id; those that no argument names are not even imported."""
    load_claims()
    claims = CLAIMS.all()
    named = [argument.partition(f"::{test_claim.__name__}[")[2][:-1] for argument in metafunc.config.args]
    chosen = [id_ for id_ in claims if id_ in named or not all(named)]
    metafunc.parametrize("claim", [claims[id_] for id_ in chosen], ids=chosen)


def test_claim(claim: Claim, judge_claim: Callable[[Claim], Result]) -> None:
    """Passes when the result is as expected, skips what is not testable here, fails otherwise."""
    result = judge_claim(claim)
    if result.verdict is Verdict.NOT_TESTABLE:
        pytest.skip(printable(result.reason))
    if result.as_expected is False:
        pytest.fail(printable(f"{result.explanation}\n{result.traceback}".rstrip()), pytrace=False)
