"""Matches an agent's answers with the requests that await them, and tells these when the agent ends."""

from __future__ import annotations

import contextlib
import itertools
import threading

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.errors import AgentDiedError, ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.protocol import Frame, FrameDecoder, FrameKind, Hello, decode_hello
from harness.agent.stream import SEND_SECONDS, ProcessStream

_RECEIVED_AT_ONCE = 256 * 1024
_STATUS_SECONDS = 2.0
"""How long the exit status may come after the end of the output."""
_PAGE = 4096
_HELD_PAGES = 16
"""Of answers that nobody receives, what an agent's output takes before a write blocks.

That is a pipe's capacity (fs/pipe.c, PIPE_DEF_BUFFERS); a write begins a page where it does not fit the last.
Sockets hold more.
"""
_HELLO_REQUEST = 0
_ANSWERS = (FrameKind.HELLO, FrameKind.STARTED, FrameKind.RESULTS)


class Answer:
    """The frame that a request will be answered with, or the error that takes its place."""

    def __init__(self, connection: Connection, size: int = 0) -> None:
        self._connection = connection
        self.pages = max(1, -(-size // _PAGE))
        """What the stream needs, at most, to hold the frame."""
        self.frame: Frame | None = None
        self.error: HarnessError | None = None
        self.settled = False
        """Whether one of the two was there when last somebody received."""

    def wait(self, deadline: Deadline) -> bool:
        """Whether it is there; waits for it until the deadline."""
        return self.settled or self._connection.receive_until(self, deadline)

    def result(self, deadline: Deadline, awaited: object) -> Frame:
        """The frame; raises the error, and TimeLimitError, naming what was `awaited`, at the deadline."""
        if not self.wait(deadline):
            raise TimeLimitError(f"{awaited}: not within {deadline.seconds:g} s")
        if self.error is not None:
            raise self.error
        assert self.frame is not None
        return self.frame


class Connection:
    """One agent's stream.

    Whoever awaits an answer receives for all, so that it need not be handed from one thread to another,
    which would take longer than the way to the device and back. Only a second one who waits is woken.
    """

    def __init__(self, stream: ProcessStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()
        self._sending = threading.Lock()
        self._lock = threading.Lock()  # over what follows
        self._pending: dict[int, Answer] = {}
        self._pending_pages = 0
        self._receiver: threading.Lock | None = None  # the turn of the thread that receives
        self._waiting: dict[threading.Lock, Answer] = {}  # for whose turns others wait
        self._ending: HarnessError | None = None
        self._requests = itertools.count(_HELLO_REQUEST)
        self._refusal = ""
        self._end_answer = Answer(self)
        self._hello = self._expect()[1]

    def greeting(self, deadline: Deadline) -> Hello:
        """What the agent says of itself; raises AgentDiedError or ProtocolError where it says none of it."""
        return decode_hello(self._hello.result(deadline, "the agent's greeting"))

    def request(
        self,
        kind: FrameKind,
        *,
        thread: int = 0,
        payload: bytes = b"",
        answer_size: int = 0,
        prompt: bool = False,
    ) -> tuple[int, Answer]:
        """Send a frame without awaiting its answer; gives its number, and the answer to come.

        The answer, of `answer_size` bytes at most, raises AgentDiedError, or the ProtocolError that ended the
        connection. A `prompt` batch is sent as one unless its answer might not be written before others are
        received: the agent would read no more, and whoever sends what it does not read would wait for ever.
        """
        number, answer = self._expect(answer_size)
        self._send(kind, number, thread, payload, prompt=prompt)
        return number, answer

    def interrupt(self, thread: int, request: int) -> None:
        """Ask the agent to interrupt this request, if the thread is at it now and the agent still there."""
        with contextlib.suppress(AgentDiedError):
            self._send(FrameKind.INTERRUPT, request, thread)

    def close_input(self) -> None:
        """Ask the agent to exit."""
        self._stream.close_input()

    def wait(self, deadline: Deadline) -> bool:
        """Whether the agent has ended; waits for it until the deadline."""
        return self._end_answer.wait(deadline)

    def exit_status(self) -> ExitStatus:
        """How the agent ended, once wait() says so; raises what ended the connection where none can tell."""
        if isinstance(self._ending, AgentDiedError) and self._ending.exit_status is not None:
            return self._ending.exit_status
        raise self._ending or AssertionError("asked before the end")

    def close(self) -> None:
        """Release the stream; whoever still awaits an answer gets AgentDiedError."""
        self._stream.close()
        self.wait(Deadline(_STATUS_SECONDS))

    def receive_until(self, answer: Answer, deadline: Deadline) -> bool:
        """Receive, or have the thread that is at it receive, until the answer is there: whether it is."""
        turn = threading.Lock()
        try:
            in_time = True
            while in_time and self._awaits(answer, turn):
                if self._receiver is turn:
                    in_time = self._receive_some(deadline)
                else:
                    in_time = turn.acquire(timeout=deadline.remaining())
        finally:
            try:
                self._end_turn(turn)
            except BaseException:  # an interrupt that comes just now: nobody would ever receive again
                self._end_turn(turn)
                raise
        return answer.settled

    def _awaits(self, answer: Answer, turn: threading.Lock) -> bool:
        """Whether it is not there yet: then the caller receives, or awaits `turn` to look again."""
        with self._lock:
            if answer.settled:
                return False
            if self._receiver is None:
                self._receiver = turn
            if self._receiver is not turn:
                turn.acquire(blocking=False)
                self._waiting[turn] = answer
            return True

    def _end_turn(self, turn: threading.Lock) -> None:
        """Have one of those who wait receive, where nobody does any more."""
        with self._lock:
            self._waiting.pop(turn, None)
            if self._receiver is turn:
                self._receiver = None
            if self._receiver is None and self._waiting:
                _wake(next(iter(self._waiting)))

    def _settle(self, answer: Answer, frame: Frame | None, error: HarnessError | None) -> None:
        """Under the lock: wake those who wait for it."""
        answer.frame, answer.error, answer.settled = frame, error, True
        for turn, awaited in self._waiting.items():
            if awaited is answer:
                _wake(turn)

    def _receive_some(self, deadline: Deadline) -> bool:
        """Deal with what comes next; False where nothing does by the deadline."""
        try:
            data = self._stream.receive(_RECEIVED_AT_ONCE, deadline)
            for frame in self._decoder.feed(data):
                self._dispatch(frame)
        except TimeLimitError:
            return False
        except HarnessError as error:
            self._end(error)
            self._stream.close()
        else:
            if not data:
                status = self._stream.exit_status(Deadline(_STATUS_SECONDS))
                obituary = self._obituary(status, self._decoder.unfinished)
                self._end(AgentDiedError(obituary, exit_status=status))
        return True

    def _expect(self, size: int = 0) -> tuple[int, Answer]:
        answer = Answer(self, size)
        with self._lock:
            if self._ending is not None:
                raise self._ending
            number = next(self._requests)
            self._pending[number] = answer
            self._pending_pages += answer.pages
        return number, answer

    def _send(
        self, kind: FrameKind, request: int, thread: int, payload: bytes = b"", *, prompt: bool = False
    ) -> None:
        if not self._sending.acquire(timeout=SEND_SECONDS):
            raise TimeLimitError(f"sending to the agent: others have been sending for {SEND_SECONDS:g} s")
        try:
            # Not before it is this frame's turn: what is on its way by then is what the agent answers first.
            if prompt and self._pending_pages <= _HELD_PAGES:
                kind = FrameKind.PROMPT_BATCH
            self._stream.send(Frame(kind, request, thread, payload).encode())
        except TimeLimitError as error:
            self._end_in_a_frame(error)
            raise
        except OSError as error:
            # The agent is gone; what it left behind tells how.
            if not self.wait(Deadline(2 * _STATUS_SECONDS)):
                self._end(AgentDiedError(f"the agent takes no more requests: {error}", exit_status=None))
            raise self._ending or error from error
        except BaseException:
            if len(payload) > _PAGE:  # a socket takes less than that whole, or none of it
                interrupted = (
                    f"sending a request of {len(payload)} bytes was interrupted: start another process"
                )
                self._end_in_a_frame(AgentDiedError(interrupted, exit_status=None))
            raise
        finally:
            self._sending.release()

    def _end_in_a_frame(self, ending: HarnessError) -> None:
        """Part of it may be on its way: nothing can follow it."""
        self._end(ending)
        self._stream.close()

    def _dispatch(self, frame: Frame) -> None:
        if frame.kind == FrameKind.ERROR:
            self._refusal = frame.payload.decode(errors="replace")
            return
        with self._lock:
            answer = self._pending.pop(frame.request, None) if frame.kind in _ANSWERS else None
            if answer is None:
                raise ProtocolError(f"the agent sent what answers no request: {frame!r:.200}")
            self._pending_pages -= answer.pages
            self._settle(answer, frame, None)

    def _end(self, ending: HarnessError) -> None:
        with self._lock:
            if self._ending is None:
                self._ending = ending
            for answer in (*self._pending.values(), self._end_answer):
                self._settle(answer, None, self._ending)
            self._pending.clear()

    def _obituary(self, status: ExitStatus | None, unfinished: bytes) -> str:
        parts = [
            f"the agent {status}"
            if status
            else "the agent's stream ended, and nothing tells how the agent did"
        ]
        if self._refusal:
            parts.append(f"it refused a request: {self._refusal}")
        if unfinished:
            parts.append(f"its last output was {unfinished[:200]!r}")
        if self._stream.standard_error.strip():
            parts.append(f"its standard error was: {self._stream.standard_error.strip()}")
        return "; ".join(parts)


def _wake(turn: threading.Lock) -> None:
    """Under the connection's lock; who has been woken already is not woken twice."""
    if turn.locked():
        turn.release()
