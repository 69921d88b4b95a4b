"""The programs that start and stop Cuttlefish: `cvd`, and `launch_cvd` where it is older than that."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from emulator.command import ENDS_WITH_US
from emulator.deadline import Deadline
from emulator.errors import DeviceLostError, SetupError

FIRST_PORT = 6520
"""Where adb finds instance 1; the others follow (source.android.com, Cuttlefish)."""
ANSWERS_WITHIN = 60.0
_numbers = itertools.count(1)


class Tool(Protocol):
    """What starts and stops one instance."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Added to ours for every call."""
        ...

    @property
    def start(self) -> list[str]:
        """Start it, and end when it has booted."""
        ...

    @property
    def restart(self) -> list[list[str]]:
        """Reset it: commands to run in turn."""
        ...

    @property
    def stop(self) -> list[str]:
        """Stop it, and remove what it wrote."""
        ...

    def serial(self) -> str:
        """Where adb finds it, once it has started."""
        ...

    def logs(self) -> Path:
        """The directory of its logs."""
        ...


class Cvd:
    """An instance in a group of its own of `cvd`, as android-cuttlefish has it in 2026."""

    environment: Mapping[str, str] = {}

    def __init__(self, number: int | None) -> None:
        self._number = number
        self._cvd = ["cvd", f"--group_name=binder_harness_{os.getpid()}_{next(_numbers)}"]

    @property
    def start(self) -> list[str]:
        """`cvd create`, which starts what it creates; without a number, cvd takes a free one."""
        numbers = [f"--instance_nums={self._number}"] if self._number else []
        return [*self._cvd, "create", "--daemon", *numbers]

    @property
    def restart(self) -> list[list[str]]:
        """`cvd restart`."""
        return [[*self._cvd, "restart"]]

    @property
    def stop(self) -> list[str]:
        """`cvd remove`, which stops a group before it removes it."""
        return [*self._cvd, "remove"]

    def serial(self) -> str:
        """What `cvd status` says, or the port that it says."""
        status = self._status()
        return str(status.get("adb_serial") or f"127.0.0.1:{status['adb_port']}")

    def logs(self) -> Path:
        """The logs in the directory that `cvd status` names."""
        return Path(str(self._status()["instance_dir"])) / "logs"

    def _status(self) -> Mapping[str, object]:
        """The one instance's entry in the list that `cvd status --print` prints."""
        said = subprocess.run(
            [*self._cvd, "status", "--print"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN,
            check=False,
        )
        try:
            (status,) = json.loads(said.stdout)
        except ValueError as error:
            raise DeviceLostError(f"`cvd status` does not know the device: {said.stderr.strip()}") from error
        return dict(status)


class LaunchCvd:
    """An instance of `launch_cvd`, as Android's own builds have it in bin/."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.environment = {"CUTTLEFISH_INSTANCE": str(number)}

    @property
    def start(self) -> list[str]:
        """`launch_cvd --daemon`."""
        return ["launch_cvd", "--daemon", f"--base_instance_num={self._number}"]

    @property
    def restart(self) -> list[list[str]]:
        """Stopped and started, which does not ask the guest for anything."""
        return [self.stop, self.start]

    @property
    def stop(self) -> list[str]:
        """`stop_cvd`, which finds the instance by CUTTLEFISH_INSTANCE."""
        return ["stop_cvd"]

    def serial(self) -> str:
        """By the instance's number."""
        return f"0.0.0.0:{FIRST_PORT + self._number - 1}"

    def logs(self) -> Path:
        """The instance's directory in the user's home."""
        return Path.home() / "cuttlefish" / "instances" / f"cvd-{self._number}" / "logs"


def program() -> str:
    """`cvd`, or else `launch_cvd`; SetupError where neither is on the PATH."""
    for name in ("cvd", "launch_cvd"):
        if shutil.which(name):
            return name
    raise SetupError(
        "Neither cvd nor launch_cvd is on the PATH. Install Google's package cuttlefish-base "
        "(github.com/google/android-cuttlefish), or add bin/ of a Cuttlefish build to the PATH."
    )


def call(command: Sequence[str], environment: Mapping[str, str], log: Path, deadline: Deadline) -> int | None:
    """Run a command, its output added to `log`; its status, None where it did not end in time.

    Only its own end is awaited: the daemons it leaves may keep its output open.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*ENDS_WITH_US, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        return process.wait(deadline.remaining())
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
