"""What the experiments with broadcasts do not do to an Android of somebody else's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.experiments.framework.measurements import measure_intent_limits


class FakeAndroid:
    """A phone with its framework: anything but its facts is out of reach."""

    facts = SimpleNamespace(framework=True, android_release="14", page_size=4096, java=None)
    controller = SimpleNamespace(disposable=False)


def test_the_mapping_of_somebody_else_s_system_server_is_not_filled() -> None:
    with pytest.raises(FacilityMissingError, match="calls of apps fail meanwhile"):
        measure_intent_limits(cast(Any, FakeAndroid()))
