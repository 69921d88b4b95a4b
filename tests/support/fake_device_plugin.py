"""Loaded with `-p` or imported first, gives a process the fake device and claims, and those of --claims."""

from __future__ import annotations

import os
import sys

from emulator.adb.client import REACHED, AdbClient
from harness.experiments.core.claim import CLAIMS
from tests.support import fake_device, own_claims

AdbClient.state = lambda self, serial: REACHED  # type: ignore[method-assign] # noqa: ARG005
sys.modules["harness.device.device"] = fake_device.device_module()
_chosen = fake_device.choose(*os.environ.get("BINDER_HARNESS_TEST_CLAIMS", "").split())
CLAIMS.all = lambda: _chosen | own_claims.loaded()  # type: ignore[method-assign]
