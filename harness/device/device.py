"""A device to experiment on: its facts, its records, and processes on it that make system calls."""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.architecture import Architecture, architecture_named
from emulator.base.controller import CanRollBack, CanStartAgents, Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.build.agents import syscall_agent
from emulator.build.userland import binder_userland
from emulator.target import AnyTarget, open_target
from harness.agent.files import AgentFiles
from harness.agent.process import RemoteProcess
from harness.agent.program import RemoteProgram, shell_line
from harness.agent.stream import ChannelStream, ProcessStream
from harness.device.adb_link import AdbLink
from harness.device.facts import Facts
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.proc.maps import DetailedMapping, Maps
from harness.kernel.proc.process import ProcessFiles
from harness.kernel.tracing.tracer import Tracer

if TYPE_CHECKING:
    from harness.binder.services.interface import Dump
    from harness.binder.services.service import Service
    from harness.binder.serving.call import Handler

AGENT_DIRECTORY = "/data/local/tmp/binder-harness"
ATTACHED_DIRECTORY = f"{AGENT_DIRECTORY}-attached"
"""On a device that is not the run's own, and may be one that `boot` keeps and has put programs on."""
PER_BOOT_CACHE = ("files", "binder", "tracing", "libbinder_probe", "activity_standin", "_agent", "_directory")
"""What is remembered of a device until it is rolled back."""


class Device(AdbLink):
    """A running device. Obtained from `open_device`, used as a context manager."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._resources = contextlib.ExitStack()
        self._resources.callback(controller.close)
        self._running = self._resources.enter_context(contextlib.ExitStack())
        """What runs on the device, and ends with a roll back."""

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agents, remove what was pushed, and end the device if it was started here."""
        self._resources.close()

    def rollback(self, *, deadline: Deadline | None = None) -> None:
        """Put the device back into the state in which it was opened, whatever was done to it.

        That may take 60 s on the embedded device and as long as its start on an AVD, unless `deadline` says
        otherwise. Every process on the device ends. Raises UsageError for a device that cannot be rolled
        back, DeviceLostError when it does not come back.
        """
        if not isinstance(self.controller, CanRollBack):
            raise UsageError(f"{self.serial} cannot be rolled back; the embedded device and an AVD can.")
        self.controller.rollback(deadline or Deadline(self.controller.rollback_seconds))
        self.reset_after_reboot()

    def reset_after_reboot(self) -> None:
        """Let go of what ran on the device and of what was put there: it has started again, by any doing."""
        self._running.close()
        for name in PER_BOOT_CACHE:
            vars(self).pop(name, None)

    @functools.cached_property
    def facts(self) -> Facts:
        """What this device is and can show, found by trying when first asked for."""
        from harness.device.probing import find_facts

        return find_facts(self)

    def process(self, *, uid: int | None = None, gid: int | None = None) -> DeviceProcess:
        """Start a process on the device whose system calls are made from here, with another user if given.

        It ends with `with`, with its `close`, or with the device. Raises HarnessError when the agent does
        not start, which says what the device wrote.
        """
        arguments: list[str] = []
        for name, number in (("--uid", uid), ("--gid", gid)):
            arguments += [name, str(number)] if number is not None else []
        stream = self._agent_stream(arguments)
        try:
            process = DeviceProcess.start(stream, kill=self._kill)
        except HarnessError:
            stream.close()
            self.raise_if_lost()
            raise
        process.device = self
        self._running.callback(process.close)
        return process

    def program(self, command: Sequence[str], *, deadline: Deadline | None = None) -> RemoteProgram:
        """Start a program that is to be watched: it waits for `resume`, its process id known before.

        It ends with `with`, with its `close`, or with the device. Raises HarnessError where no shell starts
        it by the deadline (10 s unless given).
        """
        stream = self.open_shell(shell_line(command))
        program = RemoteProgram(stream, name=command[0], kill=self._kill, deadline=deadline)
        self._running.callback(program.close)
        return program

    def service(
        self,
        name: str,
        handler: Handler,
        *,
        interface: str | None = None,
        dump: Dump | None = None,
        threads: int = 1,
    ) -> contextlib.AbstractContextManager[Service[DeviceProcess]]:
        """Serve a name of the device's service manager from Python during a block; see `open_service`.

        with device.service("my.service", lambda call: Parcel().no_exception().int32(call.code)):
            print(device.shell("service call my.service 42"))
        """
        from harness.binder.services.service import open_service

        return open_service(self, name, handler, interface=interface, dump=dump, threads=threads)

    @functools.cached_property
    def files(self) -> AgentFiles:
        """The device's files, with the rights that adb's shell has."""
        return AgentFiles(self.process())

    @functools.cached_property
    def binder(self) -> BinderDebugFiles:
        """What the driver's debug files show."""
        return BinderDebugFiles(self.files)

    @functools.cached_property
    def tracing(self) -> Tracer:
        """What the kernel can record of itself."""
        return Tracer(self.files)

    @functools.cached_property
    def architecture(self) -> Architecture:
        """The architecture of the device's processors."""
        try:
            return architecture_named(self.shell("uname -m"))
        except UsageError as error:
            raise SetupError(f"{self.serial}: {error}") from error

    @functools.cached_property
    def libbinder_probe(self) -> str:
        """Where on the device the program lies that uses AOSP's libbinder; see its --help."""
        return self._put_libbinder_agent("libbinder_probe")

    @functools.cached_property
    def activity_standin(self) -> str:
        """Where on the device the stand-in for an activity manager lies."""
        return self._put_libbinder_agent("activity_standin")

    @functools.cached_property
    def _agent(self) -> str:
        """Where on the device the system call agent lies: built, if need be, and pushed at first use."""
        return self._put(syscall_agent(self.architecture))

    @functools.cached_property
    def _directory(self) -> str:
        """Where what is pushed lies; a device that is not ours is left without it."""
        directory = AGENT_DIRECTORY if self.controller.disposable else ATTACHED_DIRECTORY
        self.shell(["mkdir", "-p", directory])
        if not self.controller.disposable:
            self._resources.callback(self._remove, directory)
        return directory

    def _remove(self, directory: str) -> None:
        # A device that has gone meanwhile has nothing left to undo, and whoever lost it was told.
        with contextlib.suppress(DeviceLostError):
            self.run(["rm", "-rf", directory])

    def _put_libbinder_agent(self, name: str) -> str:
        return self._put(binder_userland(self.architecture) / name)

    def _put(self, program: Path) -> str:
        remote = f"{self._directory}/{program.name}"
        self.push(program, remote, mode=0o755)
        return remote

    def _kill(self, pid: int, signal: int) -> None:
        self.shell(["kill", f"-{signal}", str(pid)])

    def _agent_stream(self, arguments: Sequence[str]) -> ProcessStream:
        """A new agent: over what the controller has that is faster than adb, or over adb."""
        if isinstance(self.controller, CanStartAgents):
            channel = self.controller.start_agent(arguments)
            if channel is not None:
                return ChannelStream(channel)
        return self.open_shell(shlex.join(["exec", self._agent, *arguments]))


class DeviceProcess(RemoteProcess):
    """A process on a device, with what the device's /proc shows of it."""

    device: Device

    @property
    def procfs(self) -> ProcessFiles:
        """Its directory in /proc, as the device's root reads it."""
        return ProcessFiles(self.device.files, self.pid)

    @property
    def maps(self) -> Maps[DetailedMapping]:
        """Its mappings, from /proc/PID/smaps."""
        return self.procfs.maps


def open_device(target: AnyTarget = "embedded", *, deadline: Deadline | None = None) -> Device:
    """Get the device that `target` names, started if need be, and wait until it can be used.

    adb lists the embedded device only when its `serial` was asked for, or anything that needs adb, or a
    moment later; every other device at once. Raises UsageError for an unknown target (the message lists the
    valid ones), SetupError when this machine lacks something, DeviceLostError when the device does not come
    up within 120 s or `deadline`.
    """
    return Device(open_target(target, deadline=deadline))
