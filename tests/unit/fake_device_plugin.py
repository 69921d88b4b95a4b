"""Loaded with `-p` or imported first, it gives a whole Python process the fake device and claims."""

from __future__ import annotations

import os
import sys

from harness.claims.claim import CLAIMS
from tests.unit import fake_device

sys.modules["harness.device"] = fake_device.device_module()
_chosen = fake_device.choose(*os.environ.get("BINDER_HARNESS_TEST_CLAIMS", "").split())
CLAIMS.all = lambda: _chosen  # type: ignore[method-assign]
