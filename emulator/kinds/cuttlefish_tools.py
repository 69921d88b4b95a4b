"""The programs that start and stop Cuttlefish: `cvd`, and `launch_cvd` where it is older than that."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError
from emulator.host.host import Host

FIRST_PORT = 6520
"""Where adb finds instance 1; the others follow (source.android.com, Cuttlefish)."""
ANSWERS_WITHIN = 60.0


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
        """The address at which adb finds it on its host, once it has started."""
        ...

    def logs(self) -> str:
        """The directory of its logs."""
        ...


class Cvd:
    """An instance in a group of its own of `cvd`, as android-cuttlefish has it in 2026."""

    environment: Mapping[str, str] = {}

    def __init__(self, host: Host, number: int | None) -> None:
        self._host = host
        self._number = number
        self._cvd = ["cvd", f"--group_name=binder_harness_{uuid.uuid4().hex}"]

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
        """The serial in `cvd status`, or the port there."""
        status = self._status()
        serial = str(status.get("adb_serial") or f"127.0.0.1:{status.get('adb_port')}")
        if not re.fullmatch(r"\S+:[0-9]+", serial):
            raise DeviceLostError(f"`cvd status` names no port for adb: {json.dumps(status)}")
        return serial

    def logs(self) -> str:
        """The logs in the directory that `cvd status` names."""
        status = self._status()
        directory = status.get("instance_dir")
        if not directory:
            raise DeviceLostError(f"`cvd status` names no directory: {json.dumps(status)}")
        return f"{directory}/logs"

    def _status(self) -> Mapping[str, object]:
        """The one instance's entry in the list that `cvd status --print` prints.

        Raises DeviceLostError, with its output, where that is anything else.
        """
        finished = self._host.run([*self._cvd, "status", "--print"], deadline=Deadline(ANSWERS_WITHIN))
        with contextlib.suppress(ValueError):
            match json.loads(finished.output):
                case [dict(status)]:
                    return status
        shown = f"{finished.output.strip()}\n{finished.errors.strip()}".strip()
        raise DeviceLostError(f"`cvd status` does not know the device: {shown}")


class LaunchCvd:
    """An instance of `launch_cvd`, as Android's own builds have it in bin/."""

    def __init__(self, host: Host, number: int) -> None:
        self._host = host
        self._number = number
        self.environment = {"CUTTLEFISH_INSTANCE": str(number)}

    @property
    def start(self) -> list[str]:
        """`launch_cvd --daemon`."""
        return ["launch_cvd", "--daemon", f"--base_instance_num={self._number}"]

    @property
    def restart(self) -> list[list[str]]:
        """Stopped and started, without the guest's help."""
        return [self.stop, self.start]

    @property
    def stop(self) -> list[str]:
        """`stop_cvd`, which finds the instance by CUTTLEFISH_INSTANCE."""
        return ["stop_cvd"]

    def serial(self) -> str:
        """By the instance's number."""
        return f"0.0.0.0:{FIRST_PORT + self._number - 1}"

    def logs(self) -> str:
        """In the instance's directory in the user's home."""
        return f"{self._host.variable('HOME')}/cuttlefish/instances/cvd-{self._number}/logs"


def program(host: Host) -> str:
    """`cvd`, or else `launch_cvd`; SetupError where neither is on the PATH."""
    for name in ("cvd", "launch_cvd"):
        if host.find(name):
            return name
    where = f" of {host.address}" if host.address else ""
    raise SetupError(
        f"Neither cvd nor launch_cvd is on the PATH{where}. Install Google's package cuttlefish-base "
        "(github.com/google/android-cuttlefish), or add bin/ of a Cuttlefish build to the PATH."
    )
