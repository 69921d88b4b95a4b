"""The programs that start and stop Cuttlefish: `cvd`, and `launch_cvd` where no `cvd` can create devices.

Both start with a HOME of the launch's own. `stop_cvd` ends every instance in $HOME/.cuttlefish_config.json
(android-cuttlefish 1.57, host/commands/stop/main.cc, StopCvdMain), and a launch writes that file: with the
user's HOME, a start that fails would end the user's device.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import uuid
from collections.abc import Mapping
from typing import Protocol

from emulator.base.command import script
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError
from emulator.host.host import Host, check_output, on
from emulator.kinds.cuttlefish.artifacts import BY_COMMAND, Artifacts

FIRST_PORT = 6520
"""Where adb finds instance 1; the others follow (host/commands/assemble_cvd/flags.cc)."""
ANSWERS_WITHIN = 60.0
NO_STATISTICS = "--report_anonymous_usage_stats=n"
"""A launcher that finds no earlier answer in its HOME may ask; recent ones ignore the flag
(host/commands/assemble_cvd/assemble_cvd_flags.cpp)."""


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

    def serials(self) -> list[str]:
        """The addresses under which it may be listed by adb on its host, once it has started."""
        ...

    def logs(self) -> str:
        """The directory of its logs."""
        ...


class Cvd:
    """An instance in a group of its own of `cvd`, 1.0 and later."""

    def __init__(self, host: Host, program: str, artifacts: Artifacts, home: str, number: int | None) -> None:
        self._host = host
        self._artifacts = artifacts
        self._number = number
        self._program = program
        self._group = f"--group_name=binder_harness_{uuid.uuid4().hex}"
        self._home = home
        self.environment = {"HOME": home}

    @property
    def start(self) -> list[str]:
        """`cvd create`, which starts what it creates; without a number, cvd takes a free one."""
        numbers = [f"--instance_nums={self._number}"] if self._number else []
        paths = [f"--host_path={self._artifacts.host_path}", f"--product_path={self._artifacts.product_path}"]
        return [self._program, self._group, "create", *paths, *numbers, "--daemon", NO_STATISTICS]

    @property
    def restart(self) -> list[list[str]]:
        """`cvd restart`."""
        return [[self._program, self._group, "restart"]]

    @property
    def stop(self) -> list[str]:
        """`cvd remove`, which stops a group before it removes it."""
        return script(__file__, "remove_group.sh", self._home, self._program, self._group)

    def serials(self) -> list[str]:
        """The serial in `cvd status`, or the port there; DeviceLostError where it has neither."""
        status = self._status()
        serial = str(status.get("adb_serial") or f"127.0.0.1:{status.get('adb_port')}")
        if not re.fullmatch(r"\S+:[0-9]+", serial):
            raise DeviceLostError(f"`cvd status` names no port for adb: {json.dumps(status)}")
        return _spellings(serial)

    def logs(self) -> str:
        """The logs in the directory that `cvd status` names; DeviceLostError where it names none."""
        status = self._status()
        directory = status.get("instance_dir")
        if not directory:
            raise DeviceLostError(f"`cvd status` names no directory: {json.dumps(status)}")
        return f"{directory}/logs"

    def _status(self) -> Mapping[str, object]:
        """The one instance's entry in what `cvd status --print` prints.

        That is an object for a group, with its instances in a list, and with a selector of instances the list
        (android-cuttlefish 1.0 to 1.57, host/commands/cvd/cli/commands/status.cpp, Handle;
        host/commands/cvd/instances/local_instance_group.cpp, FetchStatus).

        Raises DeviceLostError, with its output, where that is anything else.
        """
        command = [self._program, self._group, "status", "--print"]
        finished = self._host.run(command, deadline=Deadline(ANSWERS_WITHIN), environment=self.environment)
        with contextlib.suppress(ValueError):
            match json.loads(finished.output):
                case {"instances": [dict(status)]} | [dict(status)]:
                    return status
        shown = f"{finished.output.strip()}\n{finished.errors.strip()}".strip()
        raise DeviceLostError(f"`cvd status` does not know the device: {shown}")


class LaunchCvd:
    """An instance of `launch_cvd`, as Android's builds have it in bin/ where no `cvd` can create devices."""

    def __init__(self, host: Host, artifacts: Artifacts, home: str, number: int) -> None:
        self._host = host
        self._number = number
        self._home = home
        self._bin = f"{artifacts.host_path}/bin"
        self.environment = {
            "HOME": home,
            "CUTTLEFISH_INSTANCE": str(number),
            "ANDROID_HOST_OUT": artifacts.host_path,
            "ANDROID_SOONG_HOST_OUT": artifacts.host_path,
            "ANDROID_PRODUCT_OUT": artifacts.product_path,
        }

    @property
    def start(self) -> list[str]:
        """`launch_cvd --daemon`."""
        number = f"--base_instance_num={self._number}"
        return [f"{self._bin}/launch_cvd", "--daemon", number, NO_STATISTICS]

    @property
    def restart(self) -> list[list[str]]:
        """Stopped and started, without the guest's help and with its disks."""
        return [[f"{self._bin}/stop_cvd"], self.start]

    @property
    def stop(self) -> list[str]:
        """`stop_cvd`, which stops every instance of our HOME, and that is this one."""
        return script(__file__, "stop_all.sh", self._home, f"{self._bin}/stop_cvd")

    def serials(self) -> list[str]:
        """By the instance's number."""
        return _spellings(f"0.0.0.0:{FIRST_PORT + self._number - 1}")

    def logs(self) -> str:
        """In the instance's directory in its HOME."""
        return f"{self._home}/cuttlefish/instances/cvd-{self._number}/logs"


def cvd_program(host: Host, artifacts: Artifacts | None = None) -> str | None:
    """The `cvd` on the PATH, or else in the host tools, that has the command `create`; None without one.

    Old host tools hold one without it. A launcher of June 2026 and later that `cvd` did not start becomes
    `cvd create --reuse`, of the cvd beside it (android-cuttlefish, host/commands/start/main.cc, ExecCvd): it
    would reuse a stopped group of the user's, and leave a record that `stop_cvd` does not remove. So that
    cvd is asked directly, for a group of our own.
    """
    names = ["cvd", *([f"{artifacts.host_path}/bin/cvd"] if artifacts else [])]
    for program in filter(None, map(host.find, names)):
        finished = host.run([program, "help", "create"], deadline=Deadline(ANSWERS_WITHIN))
        if finished.status == 0 and "--host_path" in finished.output:
            return program
    return None


def cvd_unless_launcher(host: Host, artifacts: Artifacts) -> str | None:
    """`cvd_program`; None where launch_cvd serves instead, SetupError where neither is there."""
    program = cvd_program(host, artifacts)
    if program is None:
        check_launcher(host, artifacts)
    return program


def new_home(host: Host) -> str:
    """A new directory there for one launch.

    Its path is short, for the sockets of old host tools in it (unix(7): 108 bytes), and on a disk.
    """
    return check_output(host, ["mktemp", "-d", "/var/tmp/binder-harness-XXXXXX"], ANSWERS_WITHIN).strip()


def check_launcher(host: Host, artifacts: Artifacts) -> None:
    """SetupError unless the host tools have launch_cvd and stop_cvd."""
    missing = [
        name for name in ("launch_cvd", "stop_cvd") if host.find(f"{artifacts.host_path}/bin/{name}") is None
    ]
    if missing:
        raise SetupError(
            f"There is no cvd{on(host)} with the command `create`, and {artifacts.host_path}/bin has no "
            f"{shlex.join(missing)}. Install Google's package cuttlefish-base "
            f"(github.com/google/android-cuttlefish); {BY_COMMAND}."
        )


def _spellings(serial: str) -> list[str]:
    """Both addresses under which Cuttlefish's adb_connector may have connected, the likelier first.

    It connects to 0.0.0.0:PORT (host/commands/assemble_cvd/flags.cc, set_adb_ip_and_port), and from June 2026
    `cvd status` shows 127.0.0.1:PORT (host/commands/status/main.cc).
    """
    port = serial.rpartition(":")[2]
    return list(dict.fromkeys([serial, f"0.0.0.0:{port}", f"127.0.0.1:{port}"]))
