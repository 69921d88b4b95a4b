"""What a device's methods accept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.device.device import Device


def test_a_handler_is_a_function_also_where_its_type_is_imported_for_type_checkers_alone() -> None:
    """`with device.service("my.service", lambda call: …)`, and a `dump` beside it."""
    double: Any = SimpleNamespace()
    handler: Any = print
    with pytest.raises(AttributeError):  # of the double: the arguments are accepted
        Device.service(double, "my.service", handler, dump=handler).__enter__()
    wrong: Any = 3
    with pytest.raises(TypeError, match="handler is 3, of type int; expected Handler"):
        Device.service(double, "my.service", wrong)
