"""What holds for every test."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# A shell starts what runs in the background with Ctrl-C ignored, and nohup anything with the terminal's end
# ignored: programs that tests start would inherit that, and are to answer as they do at a prompt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How fast a machine is that does other things, too, is nothing that a test decides by.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
