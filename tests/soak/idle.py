"""Keeps a device for half an hour, and has 10,000 processes come and go at a prompt: nothing may grow.

Whatever answered before has to answer at once afterwards, too. The exit status is 1 where it does not, or
where something has grown, here or on the device.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.device.device import Device, open_device
from tests.soak.at_the_prompt import in_use, resident
from tests.soak.place import ROOT
from tests.soak.runs import PROGRAM
from tests.support.processes import descendants

KEPT_SECONDS = 1800.0
COUNT = 10_000
WARM_SECONDS = 60.0
"""Until the first reading: a device that has just started still settles."""
WARM_COUNT = 500
AT_ONCE = 1.0
"""Seconds in which adb and an agent have to answer."""
GROWTH = 4096
"""KiB by which two readings of what does not grow may differ: 0.4 for each of 10,000 processes."""
UP = re.compile(r"The device is up until Ctrl-C: (\S+)")
ENDS_WITHIN = 30.0
TYPED = """
from tests.soak.at_the_prompt import print_reading, start_and_end
start_and_end(device, {warm})
print_reading(device)
start_and_end(device, {rest})
print_reading(device)
"""


def keep_booted(seconds: float) -> list[str]:
    """Keep a device, unused, for so long; returns what is wrong then."""
    with subprocess.Popen([*PROGRAM, "boot"], stdout=subprocess.PIPE, text=True) as boot:
        try:
            with open_device(f"adb:{_serial(boot)}") as device, device.process() as process:
                time.sleep(min(WARM_SECONDS, seconds))
                before = _memory(boot.pid, device)
                time.sleep(seconds)
                return [
                    *_answers("adb", lambda: device.shell("true")),
                    *_answers("an agent that was kept", lambda: process.syscall("getpid")),
                    *_answers("a new agent", lambda: device.process().close()),
                    *_grown(before, _memory(boot.pid, device)),
                ]
        finally:
            boot.terminate()
            boot.wait(ENDS_WITHIN)


def _serial(boot: subprocess.Popen[str]) -> str:
    assert boot.stdout is not None
    for line in boot.stdout:
        found = UP.search(line)
        if found:
            return found[1]
    raise AssertionError("`boot` ended before its device was up")


def _answers(what: str, ask: Callable[[], object]) -> list[str]:
    began = time.monotonic()
    ask()
    seconds = time.monotonic() - began
    print(f"{what} answered in {seconds * 1000:.0f} ms", flush=True)
    return [] if seconds < AT_ONCE else [f"{what} answered after {seconds:.1f} s"]


def _memory(boot: int, device: Device) -> dict[str, int]:
    """KiB in use: by `boot`, by its QEMU, and on the device."""
    qemu = next(each for each in descendants(boot) if _program(each).startswith("qemu-system"))
    return {
        "memory of boot": resident(boot),
        "memory of QEMU": resident(qemu),
        "memory in use on the device": in_use(device),
    }


def _program(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text()


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    problems = []
    for name, now in after.items():
        print(f"{name}: {before[name]} KiB, then {now} KiB", flush=True)
        if now - before[name] > GROWTH:
            problems.append(f"{name} has grown by {now - before[name]} KiB")
    return problems


def come_and_go(count: int) -> list[str]:
    """Start and end so many processes at the prompt of `repl`; returns what has grown."""
    warm = min(WARM_COUNT, count // 2)
    began = time.monotonic()
    finished = subprocess.run(
        [*PROGRAM, "repl"],
        input=TYPED.format(warm=warm, rest=count - warm),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    print(f"{count} processes in {time.monotonic() - began:.0f} s", flush=True)
    readings = [json.loads(line) for line in re.findall(r"READING (\{.*\})", finished.stdout)]
    if len(readings) != 2:
        return [f"the prompt was left early:\n{finished.stdout}"]
    before, after = readings
    problems = []
    for name, now in after["counts"].items():
        print(f"{name}: {before['counts'][name]}, then {now}", flush=True)
        if now != before["counts"][name]:
            problems.append(f"{name}: {before['counts'][name]} became {now}")
    return problems + _grown(before["memory"], after["memory"])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.idle", description=__doc__)
    parser.add_argument("what", nargs="*", help="`boot`, which is kept, or `repl`; default: both")
    parser.add_argument("--seconds", type=float, default=KEPT_SECONDS, help="for which `boot` is kept")
    parser.add_argument("--count", type=int, default=COUNT, help="of the processes at the prompt")
    arguments = parser.parse_args()
    wanted = arguments.what or ("repl", "boot")
    problems = come_and_go(arguments.count) if "repl" in wanted else []
    problems += keep_booted(arguments.seconds) if "boot" in wanted else []
    for problem in problems:
        print(f"LOST: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
