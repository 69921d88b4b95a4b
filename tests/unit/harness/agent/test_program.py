"""A program under a shell of this machine: held, read line by line, ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.exit_status import ExitStatus
from harness.agent.program import MOST_LINES, RemoteProgram, shell_line
from tests.support.agent_support import SubprocessStream

Start = Callable[..., RemoteProgram]
SOON = 0.05


def kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs that end with the test."""
    with ExitStack() as stack:

        def started(*command: str) -> RemoteProgram:
            stream = SubprocessStream("sh", "-c", shell_line(command))
            return stack.enter_context(RemoteProgram(stream, name=command[0], kill=kill))

        yield started


def test_nothing_happens_before_it_is_resumed(start: Start) -> None:
    program = start("echo", "begun")
    with pytest.raises(TimeLimitError, match="a line of echo"):
        program.line(Deadline(SOON))
    program.resume()
    assert program.line(Deadline(5)) == "begun"


def test_the_process_id_is_known_before(start: Start) -> None:
    program = start("sh", "-c", "echo $$; exit 3")
    assert program.resume().line(Deadline(5)) == str(program.pid)
    assert program.wait(Deadline(5)) == ExitStatus(code=3)


def test_words_reach_the_program_as_they_are(start: Start) -> None:
    words = ("a b", "$HOME", "'quoted'", "back\\slash")
    program = start("printf", "%s\\n", *words).resume()
    assert [program.line(Deadline(5)) for _ in words] == list(words)


def test_the_end_of_the_output_stays_the_end(start: Start) -> None:
    program = start("printf", "one\\nlast, without a newline").resume()
    lines = [program.line(Deadline(5)) for _ in range(4)]
    assert lines == ["one", "last, without a newline", None, None]


def test_a_program_may_be_read_while_it_runs_and_its_input_ended(start: Start) -> None:
    program = start("cat").resume()
    assert not program.ended
    program.end_input()
    assert program.line(Deadline(5)) is None
    assert program.wait(Deadline(5)) == ExitStatus(code=0)


def test_a_program_whose_lines_nobody_reads_waits(start: Start) -> None:
    """Its lines were kept without a limit."""
    printed = 64 * MOST_LINES
    program = start("sh", "-c", f"seq {printed}; echo printed >&2").resume()
    with pytest.raises(TimeLimitError, match="the end of sh"):
        program.wait(Deadline(10 * SOON))
    assert "printed" not in program.standard_error
    assert not program.ended
    lines = [program.line(Deadline(5)) for _ in range(printed + 1)]
    assert lines == [*map(str, range(1, printed + 1)), None]
    assert program.wait(Deadline(5)) == ExitStatus(code=0)
    assert "printed" in program.standard_error


def test_closing_drops_what_nobody_has_read(start: Start) -> None:
    program = start("yes").resume()
    assert program.line(Deadline(5)) == "y"
    program.close()
    assert program.line(Deadline(5)) is None
    assert program.wait(Deadline(5)) == ExitStatus(signal=signal.SIGKILL)
    assert f"output of {program.name}" not in {thread.name for thread in threading.enumerate()}


def test_closing_kills_it(start: Start) -> None:
    program = start("sleep", "60").resume()
    with pytest.raises(TimeLimitError, match="the end of sleep"):
        program.wait(Deadline(SOON))
    program.close()
    assert program.wait(Deadline(5)) == ExitStatus(signal=signal.SIGKILL)
    program.close()


def test_one_that_never_began_is_killed_too(start: Start) -> None:
    program = start("touch", "/nonexistent/never")
    program.close()
    assert program.wait(Deadline(5)) == ExitStatus(signal=signal.SIGKILL)


def test_other_output_than_a_pid_is_quoted() -> None:
    stream = SubprocessStream("sh", "-c", "echo no shell here; echo and why >&2")
    with pytest.raises(HarnessError, match="'no shell here'"):
        RemoteProgram(stream, name="anything", kill=kill)
    assert stream.process.poll() is not None
