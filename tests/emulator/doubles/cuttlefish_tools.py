"""Stands in for `cvd`, `launch_cvd` and `stop_cvd`, on a machine that has no Cuttlefish.

What it imitates, of google/android-cuttlefish, base/cvd/cuttlefish/host/commands: the subcommands and flags
of `cvd` (cvd/cli/commands/{create,start,status,restart,remove}.cpp), the selector before the subcommand
(cvd/cli/selector/selector_common_parser.cpp), the JSON of its status (cvd/instances/status_fetcher.cpp,
status/main.cc), the line that reports a boot (libs/config/config_constants.h); and of source.android.com's
page on Cuttlefish the programs of the older way. Unknown words end it, as they end the real programs.

Instances are kept in the home directory. Instance 13 never boots.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path.home() / "cuttlefish" / "instances"
FIRST_PORT = 6520
NEVER_BOOTS = 13
BOOTS_WITHIN = 60.0


def cvd(words: list[str]) -> int:
    group = ""
    if words and (selector := re.fullmatch(r"--group_name=([A-Za-z_][A-Za-z_0-9]*)", words[0])):
        group = selector[1]
        words = words[1:]
    match words:
        case ["create", *flags]:
            refuse_others(flags, r"--daemon|--instance_nums=\d+")
            if of_group(group):
                return fail(f"Group named '{group}' already exists")
            numbers = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("--instance_nums")]
            return start(numbers[0] if numbers else free_number(), group)
        case ["status", *flags]:
            refuse_others(flags, "--print|--wait_for_launcher=[0-9]+")
            number = selected(group)
            print(json.dumps([status(number)], indent=3) if "--print" in flags else "")
            return 0
        case ["restart", *flags]:
            refuse_others(flags, "--wait_for_launcher=[0-9]+|--boot_timeout=[0-9]+")
            number = selected(group)
            stop(number)
            return start(number, group)
        case ["remove"]:
            number = selected(group)
            stop(number)
            shutil.rmtree(directory(number))
            return 0
    return fail(f"unexpected arguments: {words}")


def launch_cvd(words: list[str]) -> int:
    refuse_others(words, r"--daemon|--base_instance_num=\d+")
    if "--daemon" not in words:
        return fail("the double has no foreground")
    numbers = [int(word.partition("=")[2]) for word in words if word.startswith("--base_instance_num")]
    return start(numbers[0] if numbers else int(os.environ.get("CUTTLEFISH_INSTANCE", "1")), "")


def stop_cvd(words: list[str]) -> int:
    refuse_others(words, "--wait_for_launcher=[0-9]+|--clear_instance_dirs")
    number = int(os.environ.get("CUTTLEFISH_INSTANCE", "1"))
    if not (directory(number) / "pid").exists():
        return fail("there is no such instance")
    stop(number)
    return 0


def start(number: int, group: str) -> int:
    """Start the instance in the background, and return when it has booted."""
    logs = directory(number) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (directory(number) / "group").write_text(group)
    launcher = logs / "launcher.log"
    if number == NEVER_BOOTS:
        launcher.write_text("kernel_log_server.cc:153] VIRTUAL_DEVICE_BOOT_FAILED\n")
        return fail("Device failed to boot: VIRTUAL_DEVICE_BOOT_FAILED")
    with launcher.open("w") as output:
        instance = subprocess.Popen(
            [sys.executable, "-m", "tests.emulator.doubles.cuttlefish_instance", str(port(number))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    (directory(number) / "pid").write_text(str(instance.pid))
    limit = time.monotonic() + BOOTS_WITHIN
    while "VIRTUAL_DEVICE_BOOT_COMPLETED" not in launcher.read_text():
        if instance.poll() is not None or time.monotonic() > limit:
            return fail(f"the instance did not boot:\n{launcher.read_text()}")
        time.sleep(0.1)
    print("VIRTUAL_DEVICE_BOOT_COMPLETED")
    return 0


def stop(number: int) -> None:
    process = int((directory(number) / "pid").read_text())
    os.kill(process, signal.SIGTERM)
    limit = time.monotonic() + BOOTS_WITHIN
    while runs(process) and time.monotonic() < limit:
        time.sleep(0.05)
    (directory(number) / "pid").unlink()


def runs(process: int) -> bool:
    """Whether it does, and is more than an entry that its parent has not collected yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def status(number: int) -> dict[str, object]:
    shown: dict[str, object] = {
        "instance_name": str(number),
        "instance_dir": str(directory(number)),
        "assembly_dir": str(STATE.parent / "assembly"),
        "status": "Running" if (directory(number) / "pid").exists() else "Stopped",
    }
    if shown["status"] == "Running":
        shown |= {"adb_port": port(number), "adb_serial": f"127.0.0.1:{port(number)}"}
    return shown


def of_group(group: str) -> list[int]:
    groups = {int(file.parent.name[4:]): file.read_text() for file in STATE.glob("cvd-*/group")}
    return [number for number, name in groups.items() if name == group]


def selected(group: str) -> int:
    numbers = of_group(group)
    if len(numbers) != 1:
        sys.exit(fail("no group matches the selectors" if not numbers else "several groups do"))
    return numbers[0]


def free_number() -> int:
    return next(number for number in range(1, 100) if not directory(number).exists())


def directory(number: int) -> Path:
    return STATE / f"cvd-{number}"


def port(number: int) -> int:
    return FIRST_PORT + number - 1


def refuse_others(words: list[str], valid: str) -> None:
    for word in words:
        if not re.fullmatch(valid, word):
            sys.exit(fail(f"unknown argument: {word}"))


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit({"cvd": cvd, "launch_cvd": launch_cvd, "stop_cvd": stop_cvd}[sys.argv[1]](sys.argv[2:]))
