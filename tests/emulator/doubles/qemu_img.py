"""Stands in for the SDK's `qemu-img`, for the disks that sdk_disks models: creates an overlay (qemu-img(1),
create).

As the real one does, it refuses a file below that does not exist, and records its name as it was given; the
overlay has no snapshots.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.emulator.doubles import sdk_disks


def main(words: list[str]) -> int:
    match words:
        case ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", below, overlay]:
            if not (Path(overlay).parent / below).exists():
                print(f"qemu-img: {overlay}: Could not open '{below}': No such file", file=sys.stderr)
                return 1
            sdk_disks.write(Path(overlay), sdk_disks.Disk(below))
            return 0
        case _:
            print(f"qemu-img: unknown arguments {words}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
