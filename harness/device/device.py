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
from emulator.base.errors import DeviceLostError, FacilityMissingError, HarnessError, SetupError, UsageError
from emulator.build.agents import own_libbinder, syscall_agent
from emulator.build.generation import GENERATIONS
from emulator.build.userland import binder_userland
from emulator.target import AnyTarget, open_target
from harness.agent.errors import cut_off
from harness.agent.files import AgentFiles
from harness.agent.process import RemoteProcess
from harness.agent.program import RemoteProgram, shell_line
from harness.agent.stream import ChannelStream, ProcessStream
from harness.argument_types import checked, checked_methods
from harness.device.debugfs import seeing_debugfs
from harness.device.facts import Facts
from harness.device.private_node import make_private_node, remove_private_node
from harness.device.running import DeviceProcess, Running, send_signal
from harness.device.shell import DeviceShell
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.tracing.tracer import Tracer

if TYPE_CHECKING:
    from harness.binder.services.interface import Dump
    from harness.binder.services.service import Service
    from harness.binder.serving.call import Handler

__all__ = ["Device", "DeviceProcess", "open_device"]

PROGRAMS = ("libbinder_probe", "own_libbinder", "activity_standin", "_agent")
PER_BOOT_CACHE = ("files", "binder", "tracing", *PROGRAMS, "directory")
"""The cached properties that hold until the device starts again."""


@checked_methods
class Device(DeviceShell):
    """A running device. Obtained from `open_device`, used as a context manager."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._resources = contextlib.ExitStack()
        self._resources.callback(controller.close)
        self._running = self._resources.enter_context(contextlib.closing(Running()))
        self._process_names: dict[int, str] = {}
        self._has_private_node = False
        self._agents_ended = False
        """Whether agents that still seem to wait may have ended with the device's last boot."""

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agents, remove what was pushed, and end the device if it was started here."""
        self._resources.close()
        self._closed = True

    def rollback(self, *, deadline: Deadline | None = None) -> None:
        """Restore the state in which the device was opened.

        Unless `deadline` is given, this may take 60 s on the embedded device, and on an AVD as long as its
        start. Every process on the device ends. Raises UsageError for a device that cannot be rolled back,
        DeviceLostError when it does not come back.
        """
        if not isinstance(self.controller, CanRollBack):
            raise UsageError(f"{self.serial} cannot be rolled back; the embedded device and an AVD can.")
        self.controller.rollback(deadline or Deadline(self.controller.rollback_seconds))
        self.reset_after_reboot()
        self._agents_ended = False  # those of the machine that replaces the last one wait
        if self._has_private_node:
            with self.process() as process:
                make_private_node(process, self.surroundings.node_place)

    def reset_after_reboot(self) -> None:
        """Drop the processes and the cached properties: the device has started again, for any reason."""
        self._running.release()
        self._process_names.clear()
        for name in PER_BOOT_CACHE:
            vars(self).pop(name, None)
        self._agents_ended = True

    def recover(self, error: BaseException) -> bool:
        """After an error, reach the device again where it lives, but adb lost it; whether so.

        Any program may end the adb server. Every process ends with that: what was under way has to be
        repeated. Raises DeviceLostError where the device does not come back, or has restarted.
        """
        if not self.reach_again() and not cut_off(error):
            return False
        self._running.close()
        self.reset_after_reboot()
        return True

    @functools.cached_property
    def facts(self) -> Facts:
        """What this device is and can show, found by trying at the first use.

        Raises DeviceLostError where it ends meanwhile.
        """
        from harness.device.known_facts import facts_of

        try:
            return facts_of(self, self.controller)
        except (HarnessError, OSError) as error:
            self.raise_if_lost(cut_off=cut_off(error))
            raise

    def make_private_node(self, process: RemoteProcess) -> str:
        """Make a binder device that this run alone uses, until the device is closed, and return its path.

        `process` is one of root's. Raises HarnessError where the device has no binderfs to make it in.
        """
        path = make_private_node(process, self.surroundings.node_place)
        self._has_private_node = True
        if not self.controller.disposable:
            self._resources.callback(self._remove_private_node)
        return path

    def _remove_private_node(self) -> None:
        with contextlib.suppress(DeviceLostError), self.process() as process:
            remove_private_node(process, self.surroundings.node_place)

    @property
    def process_names(self) -> dict[int, str]:
        """The names that processes of this run were given, by process id."""
        return dict(self._process_names)

    def process(self, *, name: str = "", uid: int | None = None, gid: int | None = None) -> DeviceProcess:
        """Start a process on the device whose system calls are made from here, as another user if given.

        It gets the `name`, which hops and diagrams show.
        It ends with `with`, with its `close`, or with the device. Raises HarnessError, with the device's
        output, when the agent does not start.
        """
        arguments: list[str] = []
        for option, number in (("--uid", uid), ("--gid", gid)):
            arguments += [option, str(number)] if number is not None else []
        process = self._start(self._agent_stream(arguments))
        if name:
            process.rename(name)
            self._process_names[process.pid] = name
        return process

    def check_responds(self, deadline: Deadline) -> None:
        """Start a fresh agent, which `files` uses from now on: the last one may be why something failed.

        Raises HarnessError or OSError where that fails, TimeLimitError at the deadline.
        """
        self.files.use(seeing_debugfs(self._start(self._agent_stream([], fresh=True), deadline)))

    def _start(self, stream: ProcessStream, deadline: Deadline | None = None) -> DeviceProcess:
        """Use an agent that has just been started."""
        try:
            process = DeviceProcess.start(stream, kill=self._kill, deadline=deadline)
        except HarnessError as error:
            stream.close()
            self.raise_if_lost(cut_off=cut_off(error))
            raise
        process.device = self
        self._process_names.pop(process.pid, None)  # an id is used again
        self._running.add(process)
        return process

    def program(self, command: Sequence[str], *, deadline: Deadline | None = None) -> RemoteProgram:
        """Start a program that waits for `RemoteProgram.resume`: its process id is known before it runs.

        It ends with `with`, with its `close`, or with the device. Raises HarnessError where no shell starts
        it by the deadline (10 s unless given).
        """
        stream = self.open_shell(shell_line(command))
        program = RemoteProgram(stream, name=command[0], kill=self._kill, deadline=deadline)
        self._running.add(program)
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
        """Register a service written in Python under a name, for the block; see `open_service`.

        with device.service("my.service", lambda call: Parcel().no_exception().int32(call.code)):
            print(device.shell("service call my.service 42"))
        """
        from harness.binder.services.service import open_service

        return open_service(self, name, handler, interface=interface, dump=dump, threads=threads)

    @functools.cached_property
    def files(self) -> AgentFiles:
        """The device's files, with the rights that adb's shell has."""
        return AgentFiles(lambda: seeing_debugfs(self.process()))

    @functools.cached_property
    def binder(self) -> BinderDebugFiles:
        """The driver's debug files."""
        return BinderDebugFiles(self.files)

    @functools.cached_property
    def tracing(self) -> Tracer:
        """The kernel's tracing."""
        return Tracer(self.files)

    @functools.cached_property
    def architecture(self) -> Architecture:
        """The architecture of the device's processors; SetupError for one without a record here."""
        try:
            return architecture_named(self.shell("uname -m"))
        except UsageError as error:
            raise SetupError(f"{self.serial}: {error}") from error

    @functools.cached_property
    def libbinder_probe(self) -> str:
        """The path on the device of the program that uses AOSP's libbinder; see its --help."""
        return self._put_libbinder_agent("libbinder_probe")

    @functools.cached_property
    def own_libbinder(self) -> str:
        """The path on the device of the program that uses the device's own libbinder, where it has one."""
        return self._put(own_libbinder(self.architecture))

    @functools.cached_property
    def activity_standin(self) -> str:
        """The path on the device of the stand-in for the activity manager."""
        return self._put_libbinder_agent("activity_standin")

    @functools.cached_property
    def _agent(self) -> str:
        """The path on the device of the system call agent, which is built and pushed at the first use."""
        return self._put(syscall_agent(self.architecture))

    @functools.cached_property
    def directory(self) -> str:
        """The directory for what is put there; on a device that is not ours it is removed at the end."""
        directory = self.surroundings.directory
        self.shell(["mkdir", "-p", directory])
        if not self.controller.disposable:
            self._resources.callback(self._remove, directory)
        return directory

    def _remove(self, directory: str) -> None:
        # On a device that is lost there is nothing to remove, and the loss is already reported.
        with contextlib.suppress(DeviceLostError):
            self.run(["rm", "-rf", directory])

    def _put_libbinder_agent(self, name: str) -> str:
        if not self.surroundings.is_android:
            raise FacilityMissingError(
                "needs programs on libbinder, which take /dev/binder, and a machine's may be a container's. "
                "It can be tested on the target `embedded`, or on an Android device."
            )
        userland = binder_userland(self.architecture, GENERATIONS[self.facts.libbinder_release])
        return self._put(userland / name)

    def _put(self, program: Path) -> str:
        remote = f"{self.directory}/{program.name}"
        self.push(program, remote, mode=0o755)
        return remote

    def _kill(self, pid: int, signal: int) -> None:
        send_signal(pid, signal, agent=self.files.process, shell=self.shell)

    def _agent_stream(self, arguments: Sequence[str], *, fresh: bool = False) -> ProcessStream:
        """A new agent: over the controller's own channel, which is faster, or over adb."""
        self._require_open()
        if isinstance(self.controller, CanStartAgents):
            fresh, self._agents_ended = fresh or self._agents_ended, False
            channel = self.controller.start_agent(arguments, fresh=fresh)
            if channel is not None:
                return ChannelStream(channel)
        return self.open_shell(shlex.join(["exec", self._agent, *arguments]))


@checked
def open_device(target: AnyTarget = "embedded", *, deadline: Deadline | None = None) -> Device:
    """Open the device that `target` names, starting it if necessary, and wait until it can be used.

    adb lists the embedded device two seconds later, or as soon as `Device.serial` or anything over adb is
    used; it lists every other device at once. Raises UsageError, with the valid targets, for an unknown
    target, SetupError when this machine lacks something, DeviceLostError when the device does not come up
    within 120 s or `deadline`.
    """
    return Device(open_target(target, deadline=deadline))
