"""What holds for every test."""

from __future__ import annotations

import signal

# A shell starts what runs in the background with Ctrl-C ignored, nohup what it runs with the end of the terminal
# ignored, and programs that tests start would inherit that; they are to answer as they do at a prompt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
