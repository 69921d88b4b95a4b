"""What the double of Cuttlefish leaves running: the embedded device at the instance's port, until SIGTERM.

It also ends with the process in $CUTTLEFISH_DOUBLE_ENDS_WITH, so that a test that breaks off leaves nothing.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from tests.emulator.doubles.embedded_behind import embedded_behind


def main() -> None:
    ended, end = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(end, b"."))
    ends_with = os.pidfd_open(int(os.environ["CUTTLEFISH_DOUBLE_ENDS_WITH"]))
    with embedded_behind(int(sys.argv[1])):
        print("kernel_log_server.cc:153] VIRTUAL_DEVICE_BOOT_COMPLETED", flush=True)
        select.select([ended, ends_with], [], [])


if __name__ == "__main__":
    main()
