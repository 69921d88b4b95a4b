"""Settings for every test."""

from __future__ import annotations

import gc
import os
import signal
import sys

from hypothesis import HealthCheck, settings

# A shell starts background jobs with SIGINT ignored, and nohup starts programs with SIGHUP ignored. Programs
# that tests start would inherit that, but have to handle both as they do at a prompt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The programs that tests start take what users' do: with PYTHONDONTWRITEBYTECODE, each compiles all that it
# imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test depends on the speed of a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


# Nothing of what is collected is garbage, and looking for some takes a quarter of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was collected out of all garbage collections: each pytest that a test runs makes two."""
    gc.freeze()
    gc.enable()
