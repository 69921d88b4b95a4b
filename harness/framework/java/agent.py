"""The agent in Java, a process on the device in which AOSP's classes run: requests and answers."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from emulator.base.progress import step
from harness.agent.errors import ProtocolError
from harness.binder.services.service import BINDER
from harness.framework.java.art import art_command, check_users_and_node
from harness.framework.java.errors import JavaError
from harness.framework.java.place import MOUNT_POINTS, JavaPlace, open_place
from harness.kernel.concise import counted

if TYPE_CHECKING:
    from harness.agent.program import RemoteProgram
    from harness.device.device import Device

DIRECTORY = "/system/java"
"""Where a device has OpenJDK, AOSP's classes and the agent (emulator/build/java/runtime.py)."""
START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
LARGEST_REQUEST = 48 * 1024
"""Bytes of a request or an answer: the device's shell and the reader of its lines take 64 KiB at once."""
OPTIONS = (
    # Most of what runs, runs once: under emulation, compiling it takes longer than interpreting it.
    "-Xint",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xmx64m",
    "-Xshare:auto",
    "-XX:SharedArchiveFile=agent.jsa",
    "-Xbootclasspath/a:framework.jar:agent.jar",
    f"-Dharness.runtime={DIRECTORY}/libandroid_runtime.so",
)


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A transaction that Java sent, as AOSP's hook in BinderProxy.transact shows it."""

    code: int
    stack: tuple[str, ...]
    """The methods that were under way, the innermost first: BinderProxy.transact."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command returned and, where asked for, the transactions that its thread sent meanwhile."""

    result: Any
    calls: tuple[OutgoingCall, ...] = ()


class JavaAgent:
    """The process while it runs. Commands are those of device_agents/java_agent, in shared, java and art."""

    def __init__(self, program: RemoteProgram, place: JavaPlace) -> None:
        self._program = program
        self.place = place
        self._marks = 0
        self.pid: int = self._read(Deadline(START_SECONDS)).result

    def ask(
        self, command: str, *, stacks: bool = False, deadline: Deadline | None = None, **arguments: Any
    ) -> Answer:
        """Have it run a command, and wait for the answer, 20 s unless given.

        Raises JavaError where the command throws, HarnessError where the process ended, TimeLimitError at the
        deadline.
        """
        request = json.dumps({"do": command, "stacks": stacks, **arguments})
        if len(request) > LARGEST_REQUEST:
            raise HarnessError(
                f"A request of {len(request):,} bytes is too large for the agent in Java, which takes "
                f"{LARGEST_REQUEST:,}. Have it make large content itself, by its size."
            )
        self._program.send(f"{request}\n".encode("ascii"))
        return self._read(deadline or Deadline(ANSWER_SECONDS))

    def logged(self) -> str:
        """What AOSP's libraries have logged, to standard error: the last 4,096 characters. Not on ART."""
        self._marks += 1
        mark = f"-- mark {self._marks}"
        self.ask("mark", text=mark)
        Deadline(ANSWER_SECONDS).poll(lambda: mark in self._program.standard_error or None, "the log")
        return self._program.standard_error.partition(mark)[0]

    def _read(self, deadline: Deadline) -> Answer:
        line = self._program.line(deadline)
        if line is None:
            raise HarnessError(f"The agent in Java ended: {self._program.standard_error.strip()}")
        return read_answer(line)


def read_answer(line: str) -> Answer:
    """A line of the agent's; JavaError for one that says what was thrown, ProtocolError for any other."""
    try:
        answer = json.loads(line)
        if "thrown" in answer:
            thrown = JavaError.of_answer(answer["thrown"])
        else:
            calls = [OutgoingCall(call["code"], tuple(call["stack"])) for call in answer.get("calls", ())]
            return Answer(answer["result"], tuple(calls))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError(f"The agent in Java printed a line that is no answer: {line!r:.200}") from error
    raise thrown


def provenance(release: int, node: str = BINDER, *, art: bool = False) -> str:
    """What a verdict that was found with Java names; `node` has the service manager that it called.

    With `art`, the Java is the device's own.
    """
    if art:
        return f"the device's own framework of Android {release} on ART"
    java = f"AOSP's Java of Android {release} on OpenJDK"
    return java if node == BINDER else f"{java} and Android {release}'s servicemanager on {node}"


@contextmanager
def running_agents(
    device: Device, uids: Sequence[int], *, node: str | None = None
) -> Iterator[list[JavaAgent]]:
    """Start an agent for each user, all at once, for the block; one takes 2 to 3 s under emulation.

    With `node`, the path of another binder device, they find that in the place of /dev/binder, which
    libbinder opens. Raises what `open_place` does, and HarnessError, with the virtual machine's words, where
    it does not start.
    """
    if device.facts.art:
        check_users_and_node(uids, node)
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(open_place(device, node))
        command = command_at(place)
        with step(f"starting {counted(len(uids), 'process')} of AOSP's Java"):
            programs = [stack.enter_context(device.program(command)).resume() for _ in uids]
            agents = [JavaAgent(program, place) for program in programs]
        for agent, uid in zip(agents, uids, strict=True):
            if uid:
                agent.ask("setUid", uid=uid)
        yield agents


def command_at(place: JavaPlace) -> list[str]:
    """The command that starts an agent, in a mount namespace of its own where it sees another file system."""
    if place.dex:
        return art_command(place.dex)
    mounts = []
    if place.node != BINDER:
        mounts.append(f"mount --bind {shlex.quote(place.node)} {BINDER}")
    # The names in its class data archive are relative to its directory.
    line = f"cd {DIRECTORY} && exec bin/java {shlex.join(OPTIONS)} harness.agent.Agent"
    if place.root:
        mounts += [f"mount --rbind /{name} {place.root}/{name}" for name in MOUNT_POINTS]
        line = f"exec chroot {place.root} /system/bin/sh -c {shlex.quote(line)}"
    command = ["sh", "-c", " && ".join([*mounts, line])]
    return ["unshare", "-m", *command] if mounts else command
