"""Stands in for `cvd_internal_start` (once `launch_cvd`) and `stop_cvd` of Cuttlefish's host tools.

What it imitates, of google/android-cuttlefish 1.57, below base/cvd/cuttlefish/host:

- A launcher that no `cvd` started becomes `cvd create --daemon=… --reuse=true`, of the `cvd` beside it
  (commands/start/main.cc, ParentIsCvd, CvdPath, ExecCvd); one of an older package, without that, does not.
- Host tools are those of $ANDROID_HOST_OUT, else $HOME; images those of $ANDROID_PRODUCT_OUT, else $HOME
  (libs/config/config_utils.cpp, DefaultHostArtifactsPath, DefaultGuestImagePath).
- A launch replaces $HOME/.cuttlefish_config.json (GetGlobalConfigFileLink, there), and its instances are in
  $HOME/cuttlefish/instances/cvd-N.
- A boot that fails is reported in the launcher's log (libs/config/config_constants.h).
- `stop_cvd` ends every instance in $HOME/.cuttlefish_config.json, whatever $CUTTLEFISH_INSTANCE says; without
  that file it does nothing, successfully; it ends for unknown flags (commands/stop/main.cc, StopCvdMain,
  GetFlagValues, whose CHECK aborts).

Unknown flags end the launcher as gflags ends it. Instance 13 never boots.
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

FIRST_PORT = 6520
NEVER_BOOTS = 13
BOOTS_WITHIN = 60.0
STARTED_BY_CVD = "CUTTLEFISH_DOUBLE_STARTED_BY_CVD"
"""Set by the double of cvd; the real launcher looks at its parent's program."""
FLAGS = re.compile(
    r"--daemon(=true)?|--base_instance_num=\d+|--num_instances=1|--webrtc_device_id=\S+"
    r"|--report_anonymous_usage_stats=\w+"
)
ABORTED = 134


def start(tools: Path, words: list[str]) -> int:
    """What `cvd_internal_start` and `launch_cvd` do."""
    if (tools / "cvd_internal_start").exists() and STARTED_BY_CVD not in os.environ:
        rest = [word for word in words if not word.startswith("--daemon")]
        command = [str(tools / "cvd"), "create", "--daemon=true", "--reuse=true", *rest]
        os.execv(command[0], command)
    for word in words:
        if not FLAGS.fullmatch(word):
            return fail(f"ERROR: unknown command line flag '{word.lstrip('-').partition('=')[0]}'")
    home = Path(os.environ["HOME"])
    images = Path(os.environ.get("ANDROID_PRODUCT_OUT", home))
    for image in ("super.img", "boot.img"):
        if not (images / image).exists():
            return fail(f"assemble_cvd: {images / image} does not exist")
    if not (Path(os.environ.get("ANDROID_HOST_OUT", home)) / "bin").is_dir():
        return fail("assemble_cvd: no host tools")
    numbers = [int(word.partition("=")[2]) for word in words if word.startswith("--base_instance_num")]
    number = numbers[0] if numbers else int(os.environ.get("CUTTLEFISH_INSTANCE", "1"))
    (home / ".cuttlefish_config.json").write_text(json.dumps({"instances": [number]}))
    return boot(instance_directory(home, number), number)


def boot(directory: Path, number: int) -> int:
    """Run the instance in the background, and return when it has booted."""
    (directory / "logs").mkdir(parents=True, exist_ok=True)
    launcher = directory / "logs" / "launcher.log"
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
    (directory / "pid").write_text(str(instance.pid))
    limit = time.monotonic() + BOOTS_WITHIN
    while "VIRTUAL_DEVICE_BOOT_COMPLETED" not in launcher.read_text():
        if instance.poll() is not None or time.monotonic() > limit:
            return fail(f"the instance did not boot:\n{launcher.read_text()}")
        time.sleep(0.1)
    print("VIRTUAL_DEVICE_BOOT_COMPLETED")
    return 0


def stop(words: list[str]) -> int:
    """What `stop_cvd` does."""
    for word in words:
        if not re.fullmatch(r"--wait_for_launcher=\d+|--clear_instance_dirs(=true)?", word):
            return fail("Could not process command line flags.", ABORTED)
    home = Path(os.environ["HOME"])
    try:
        config = json.loads((home / ".cuttlefish_config.json").read_text())
    except FileNotFoundError:
        print("Failed to obtain config object", file=sys.stderr)
        return 0
    for number in config["instances"]:
        directory = instance_directory(home, number)
        end(directory)
        if any(word.startswith("--clear") for word in words):
            shutil.rmtree(directory, ignore_errors=True)
    return 0


def end(directory: Path) -> None:
    """End the instance of this directory, if one runs."""
    try:
        process = int((directory / "pid").read_text())
    except FileNotFoundError:
        return
    os.kill(process, signal.SIGTERM)
    limit = time.monotonic() + BOOTS_WITHIN
    while runs(process) and time.monotonic() < limit:
        time.sleep(0.05)
    (directory / "pid").unlink()


def runs(process: int) -> bool:
    """Whether it does, and is more than an entry that its parent has not collected yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def instance_directory(home: Path, number: int) -> Path:
    return home / "cuttlefish" / "instances" / f"cvd-{number}"


def port(number: int) -> int:
    return FIRST_PORT + number - 1


def fail(message: str, status: int = 1) -> int:
    print(message, file=sys.stderr)
    return status


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["start", where, *given]:
            sys.exit(start(Path(where), given))
        case ["stop", *given]:
            sys.exit(stop(given))
