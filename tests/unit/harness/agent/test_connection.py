from __future__ import annotations

import contextlib
import dis
import itertools
import math
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.connection import Connection, PendingAnswer, _wake
from harness.agent.errors import AgentDiedError, ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.protocol import PROTOCOL_VERSION, Frame, FrameDecoder, FrameKind

HELLO = Frame(
    FrameKind.HELLO,
    0,
    0,
    struct.pack("<8sIIIII16sII", b"SYSAGENT", PROTOCOL_VERSION, 8, 4096, 100, 0, b"x86_64", 101, 102),
).encode()


class ScriptedStream:
    """An agent whose output and exit status the test scripts."""

    def __init__(self, *output: bytes, status: ExitStatus | None = None) -> None:
        self._output: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for piece in output:
            self.write(piece)
        self.status = status
        self.standard_error = ""
        self.sent: list[bytes] = []
        self.closed = False
        self.broken: Exception | None = None

    def write(self, piece: bytes) -> None:
        self._output.put(piece)

    def end(self, status: ExitStatus | None = None) -> None:
        self.status = status
        self._output.put(b"")

    def send(self, data: bytes) -> None:
        if self.broken:
            raise self.broken
        self.sent.append(data)

    def close_input(self) -> None:
        self.end(ExitStatus(code=0))

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        try:
            piece = self._output.get(timeout=deadline.remaining() if deadline else 10)
        except queue.Empty as error:
            raise TimeLimitError("output of the script") from error
        assert len(piece) <= limit
        return piece

    def exit_status(self, deadline: Deadline) -> ExitStatus | None:
        assert not deadline.expired
        return self.status

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._output.put(b"")


def ask(connection: Connection) -> tuple[int, PendingAnswer]:
    return connection.request(FrameKind.BATCH, thread=5, payload=b"payload")


def test_answers_reach_those_who_asked_in_any_order() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    assert connection.hello(Deadline(5)).pid == 100
    (one, first), (two, second) = ask(connection), ask(connection)
    kind = FrameKind.FITTING_BATCH
    assert stream.sent == [Frame(kind, number, 5, b"payload").encode() for number in (one, two)]
    late, soon = (Frame(FrameKind.RESULTS, number, 5, b"%d" % number) for number in (one, two))
    stream.write(soon.encode() + late.encode()[:7])
    assert second.result(Deadline(5), "the second") == soon
    assert not first.wait(Deadline(0))
    stream.write(late.encode()[7:])
    assert first.result(Deadline(5), "the first") == late
    connection.close()


def kinds(stream: ScriptedStream) -> list[int]:
    """That of each batch that was sent."""
    return [frame.kind for data in stream.sent for frame in FrameDecoder().feed(data)]


@given(st.lists(st.tuples(st.integers(0, 100_000), st.booleans()), min_size=1, max_size=40))
def test_a_batch_is_prompt_or_fitting_only_where_a_pipe_holds_all_answers_to_come(
    batches: list[tuple[int, bool]],
) -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    connection.hello(Deadline(5))
    for size, prompt in batches:
        connection.request(FrameKind.BATCH, payload=bytes(8), answer_size=size, prompt=prompt)
    pages = itertools.accumulate(max(1, math.ceil(size / 4096)) for size, _ in batches)
    fitting = {True: FrameKind.PROMPT_BATCH, False: FrameKind.FITTING_BATCH}
    assert kinds(stream) == [
        fitting[prompt] if total <= 16 else FrameKind.BATCH
        for total, (_, prompt) in zip(pages, batches, strict=True)
    ]
    connection.close()


def test_batches_are_prompt_again_after_answers_were_received() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    connection.hello(Deadline(5))
    for _ in range(3):
        asked = [
            connection.request(FrameKind.BATCH, payload=bytes(8), answer_size=40_000, prompt=True)
            for _ in range(2)
        ]
        for number, answer in asked:
            stream.write(Frame(FrameKind.RESULTS, number, 0).encode())
            assert answer.wait(Deadline(5))
    assert kinds(stream) == [FrameKind.PROMPT_BATCH, FrameKind.BATCH] * 3
    connection.close()


def test_those_who_wait_at_once_receive_for_each_other() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    asked = [ask(connection) for _ in range(8)]
    with ThreadPoolExecutor(2 * len(asked)) as pool:
        # Two await each answer; those of the even numbers give up before it is there.
        waiting = [
            pool.submit(answer.wait, Deadline(10 if number % 2 else 0.05))
            for number, answer in asked
            for _ in range(2)
        ]
        hasty_ones = [number % 2 == 0 for number, _ in asked for _ in range(2)]
        given_up = [future.result(5) for future, hasty in zip(waiting, hasty_ones, strict=True) if hasty]
        for number, _ in reversed(asked):
            stream.write(Frame(FrameKind.RESULTS, number, 5).encode())
        settled = [future.result(5) for future, hasty in zip(waiting, hasty_ones, strict=True) if not hasty]
    assert not any(given_up)
    assert all(settled)
    assert all(answer.wait(Deadline(0)) for _, answer in asked)
    connection.close()


def test_the_next_who_waits_receives_when_one_gives_up() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    (_, first), (number, second) = ask(connection), ask(connection)
    with ThreadPoolExecutor(2) as pool:
        hasty, patient = pool.submit(first.wait, Deadline(0.05)), pool.submit(second.wait, Deadline(10))
        assert not hasty.result(5)
        stream.write(Frame(FrameKind.RESULTS, number, 5).encode())
        assert patient.result(5)
    connection.close()


class InterruptedStream(ScriptedStream):
    """One whose user presses Ctrl-C when the next frame has been sent, or while the next is awaited."""

    interrupted = ""

    def _interrupt(self, what: str) -> None:
        if self.interrupted == what:
            self.interrupted = ""
            raise KeyboardInterrupt

    def send(self, data: bytes) -> None:
        super().send(data)
        self._interrupt("sending")

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        self._interrupt("receiving")
        return super().receive(limit, deadline)


@pytest.mark.parametrize("when", ["sending", "receiving"])
def test_the_answer_to_an_interrupted_request_is_taken_for_no_other(when: str) -> None:
    stream = InterruptedStream(HELLO)
    connection = Connection(stream)
    connection.hello(Deadline(5))
    stream.interrupted = when
    with pytest.raises(KeyboardInterrupt):
        ask(connection)[1].wait(Deadline(5))
    number, answer = ask(connection)
    for frame in (Frame(FrameKind.RESULTS, number - 1, 5, b"late"), Frame(FrameKind.RESULTS, number, 5)):
        stream.write(frame.encode())
    assert answer.result(Deadline(5), "an answer") == Frame(FrameKind.RESULTS, number, 5)
    connection.close()


def test_one_who_is_interrupted_while_another_receives_is_not_to_receive_next() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    connection.hello(Deadline(5))
    asked = [ask(connection) for _ in range(3)]
    user = threading.get_ident()

    def press_when_waiting(count: int) -> None:
        await_waiting(connection, count)
        signal.pthread_kill(user, signal.SIGINT)

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(answer.wait, Deadline(10)) for _, answer in asked[:2]]
        await_waiting(connection, 1)
        pressing = pool.submit(press_when_waiting, 2)
        with pytest.raises(KeyboardInterrupt):
            asked[2][1].wait(Deadline(10))
        pressing.result(5)
        for (number, _), future in zip(asked, others, strict=False):
            stream.write(Frame(FrameKind.RESULTS, number, 5).encode())
            assert future.result(5)
    connection.close()


def await_waiting(connection: Connection, count: int) -> None:
    """Until so many wait while another receives."""
    Deadline(5).poll(lambda: len(connection._waiting) == count, "those who wait", interval=0.001)


@contextlib.contextmanager
def interrupted_at(moment: int, *functions: Callable[..., object]) -> Iterator[None]:
    """Have Ctrl-C come at the n-th of the moments at which Python looks for signals in these functions."""
    codes = {function.__code__ for function in functions}
    before: dict[FrameType, str] = {}
    moments = itertools.count(1)

    def step(frame: FrameType, event: str, _: object) -> Any:
        if event == "opcode":
            looked = before.get(frame, "").startswith(("RESUME", "CALL", "JUMP_BACKWARD"))
            before[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if looked and next(moments) == moment:
                raise KeyboardInterrupt
        return step

    def enter(frame: FrameType, _event: str, _: object) -> Any:
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    tracing = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(tracing)


class WatchedStream(ScriptedStream):
    """A stream whose output the test scripts before anybody receives."""

    def __init__(self, *output: bytes) -> None:
        super().__init__(*output)
        self.before_receiving: Callable[[], object] = bool

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        self.before_receiving()
        return super().receive(limit, deadline)


def interrupt_one_who_receives(moment: int) -> bool:
    """Whether there was such a moment; what was asked is answered all the same, and so is one who waits."""
    stream = WatchedStream(HELLO)
    connection = Connection(stream)
    connection.hello(Deadline(5))
    (number, answer), (other_number, other) = ask(connection), ask(connection)
    stream.write(Frame(FrameKind.RESULTS, number, 5).encode())
    interrupted = False
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[bool]] = []

        def have_another_wait() -> None:
            stream.before_receiving = bool
            waiting.append(pool.submit(other.wait, Deadline(2)))
            await_waiting(connection, 1)

        stream.before_receiving = have_another_wait
        functions = (Connection.receive_until, Connection._awaits, Connection._end_turn, _wake)
        try:
            with interrupted_at(moment, *functions):
                answer.wait(Deadline(5))
        except KeyboardInterrupt:
            interrupted = True
        stream.write(Frame(FrameKind.RESULTS, other_number, 5).encode())
        for each in (answer, other):
            assert each.wait(Deadline(2)), f"interrupted at moment {moment}"
        assert all(future.result(5) for future in waiting), f"interrupted at moment {moment}"
    connection.close()
    return interrupted


def test_whenever_one_who_receives_is_interrupted_another_can_receive() -> None:
    moments = list(itertools.takewhile(interrupt_one_who_receives, itertools.count(1)))
    assert len(moments) > 10


def test_nothing_follows_a_large_request_whose_sending_was_interrupted() -> None:
    """A part of it may be on its way: what followed would be taken for the rest."""
    stream = InterruptedStream(HELLO)
    connection = Connection(stream)
    _, earlier = ask(connection)
    stream.interrupted = "sending"
    with pytest.raises(KeyboardInterrupt):
        connection.request(FrameKind.BATCH, payload=bytes(100_000))
    assert stream.closed
    for asking in (lambda: ask(connection), lambda: earlier.result(Deadline(5), "an answer")):
        with pytest.raises(AgentDiedError, match="interrupted"):
            asking()


def test_all_pending_and_later_requests_report_the_death() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    waiting = [ask(connection)[1] for _ in range(3)]
    stream.standard_error = "Aborted: out of luck\n"
    stream.end(ExitStatus(signal=6))
    for answer in waiting:
        with pytest.raises(AgentDiedError, match=r"was killed by SIGABRT.*out of luck") as caught:
            answer.result(Deadline(5), "an answer")
        assert caught.value.exit_status == ExitStatus(signal=6)
    with pytest.raises(AgentDiedError, match="SIGABRT"):
        ask(connection)
    connection.interrupt(5, 1)
    assert connection.wait(Deadline(5))
    assert connection.exit_status() == ExitStatus(signal=6)
    connection.close()


def test_the_exit_reason_includes_the_refused_request() -> None:
    refusal = Frame(FrameKind.ERROR, 0, 0, b"a batch with unknown flags").encode()
    stream = ScriptedStream(HELLO, refusal)
    connection = Connection(stream)
    _, answer = ask(connection)
    stream.end(ExitStatus(code=65))
    with pytest.raises(AgentDiedError, match="status 65; it refused a request: a batch with unknown flags"):
        answer.result(Deadline(5), "an answer")
    connection.close()


def test_a_program_that_is_no_agent_is_quoted() -> None:
    connection = Connection(ScriptedStream(b"sh: not found\n", b"", status=ExitStatus(code=127)))
    with pytest.raises(AgentDiedError, match=r"status 127.*sh: not found"):
        connection.hello(Deadline(5))
    connection.close()


def test_an_end_without_a_status_is_an_end() -> None:
    connection = Connection(ScriptedStream(HELLO, b""))
    assert connection.wait(Deadline(5))
    with pytest.raises(AgentDiedError, match="without an exit status") as caught:
        connection.exit_status()
    assert caught.value.exit_status is None
    connection.close()


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (b"CANNOT LINK EXECUTABLE", "CANNOT LINK"),
        (Frame(FrameKind.RESULTS, 99, 0).encode(), "answers no request"),
        (Frame(FrameKind.BATCH, 1, 0).encode(), "answers no request"),
    ],
)
def test_what_no_agent_sends_ends_the_connection(output: bytes, problem: str) -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    _, answer = ask(connection)
    stream.write(output)
    assert connection.wait(Deadline(5))
    with pytest.raises(ProtocolError, match=problem):
        connection.exit_status()
    assert stream.closed
    assert isinstance(answer.error, ProtocolError)


def test_an_agent_that_sends_nothing_is_not_awaited_forever() -> None:
    connection = Connection(ScriptedStream())
    with pytest.raises(TimeLimitError, match="agent's hello"):
        connection.hello(Deadline(0.01))
    connection.close()


def test_a_request_to_a_closed_input_reports_the_exit_reason() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    stream.broken = BrokenPipeError("the pipe is broken")
    stream.end(ExitStatus(signal=9))
    with pytest.raises(AgentDiedError, match="SIGKILL"):
        ask(connection)
    connection.close()


def test_a_request_that_was_sent_in_part_is_the_last() -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    _, earlier = ask(connection)
    stream.broken = TimeLimitError("no progress")
    with pytest.raises(TimeLimitError):
        ask(connection)
    assert stream.closed
    with pytest.raises(TimeLimitError):
        earlier.result(Deadline(5), "an answer")
    connection.close()


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=4))
def test_no_output_leaves_a_request_waiting(pieces: list[bytes]) -> None:
    stream = ScriptedStream(HELLO)
    connection = Connection(stream)
    _, answer = ask(connection)
    for piece in pieces:
        stream.write(piece)
    stream.end(ExitStatus(code=0))
    with pytest.raises(HarnessError):
        answer.result(Deadline(5), "an answer")
    connection.close()


def test_a_flood_that_answers_nothing_ends_at_the_deadline() -> None:
    class Flood(ScriptedStream):
        def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:  # noqa: ARG002
            return Frame(FrameKind.ERROR, 0, 0, b"again").encode()

    with pytest.raises(TimeLimitError, match="the agent's hello"):
        Connection(Flood()).hello(Deadline(0.1))
