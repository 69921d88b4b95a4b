"""Fuzzes one target in this process, guided by the coverage of our code.

Arguments: the target's name, then those of libFuzzer (https://llvm.org/docs/LibFuzzer.html). This process
ends with the first finding, and writes its input to a file.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["harness", "emulator"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run the command line."""
    target = next(target for target in TARGETS if target.name == sys.argv[1])
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
