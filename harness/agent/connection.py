"""Matches an agent's answers with the requests that await them, and fails the requests if the agent ends."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from harness.agent.errors import AgentDiedError, ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.protocol import Frame, FrameDecoder, FrameKind, Hello, decode_hello
from harness.agent.stream import SEND_SECONDS, ProcessStream

_RECEIVED_AT_ONCE = 256 * 1024

logger = logging.getLogger(__name__)

_STATUS_SECONDS = 2.0
"""How long after the end of the output the exit status may arrive."""
_PAGE = 4096
_HELD_PAGES = 16
"""How many pages of unreceived answers an agent's output holds before a write blocks.

That is a pipe's capacity (fs/pipe.c, PIPE_DEF_BUFFERS); a write begins a page where it does not fit the last.
Sockets hold more.
"""
_HELLO_REQUEST = 0
_ANSWERS = (FrameKind.HELLO, FrameKind.STARTED, FrameKind.RESULTS)


class PendingAnswer:
    """The frame that will answer a request, or the error in its place."""

    def __init__(self, connection: Connection, size: int = 0) -> None:
        self._connection = connection
        self.pages = max(1, -(-size // _PAGE))
        """How many pages of the stream the frame takes at most."""
        self.frame: Frame | None = None
        self.error: HarnessError | None = None
        self.settled = False
        """Whether the frame or the error has arrived."""

    def wait(self, deadline: Deadline) -> bool:
        """Whether it has arrived; waits for it until the deadline."""
        return self.settled or self._connection.receive_until(self, deadline)

    def result(self, deadline: Deadline, awaited: object) -> Frame:
        """The frame; raises the error, and at the deadline TimeLimitError, which names `awaited`."""
        if not self.wait(deadline):
            raise deadline.missed(awaited)
        if self.error is not None:
            raise self.error
        assert self.frame is not None
        return self.frame


class Connection:
    """One agent's stream.

    A thread that awaits an answer receives for all threads. So its own answer need not be passed from one
    thread to another, which would take longer than the round trip to the device. Only further waiting
    threads are woken.
    """

    def __init__(self, stream: ProcessStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()
        self._sending = threading.Lock()
        self._lock = threading.Lock()  # protects the attributes below
        self._pending: dict[int, PendingAnswer] = {}
        self._pending_pages = 0
        self._receiver: threading.Lock | None = None  # the turn of the receiving thread
        self._waiting: dict[threading.Lock, PendingAnswer] = {}  # the turns of the other waiting threads
        self._loss_reason: HarnessError | None = None
        self._requests = itertools.count(_HELLO_REQUEST)
        self._agent_error = ""
        self._end_answer = PendingAnswer(self)
        self._hello = self._expect()[1]

    def hello(self, deadline: Deadline) -> Hello:
        """The agent's first frame; raises AgentDiedError or ProtocolError if none arrives."""
        return decode_hello(self._hello.result(deadline, "the agent's hello"))

    def request(
        self,
        kind: FrameKind,
        *,
        thread: int = 0,
        payload: bytes = b"",
        answer_size: int = 0,
        prompt: bool = False,
    ) -> tuple[int, PendingAnswer]:
        """Send a frame without awaiting its answer; returns its number and the pending answer.

        The answer, of at most `answer_size` bytes, raises AgentDiedError, or the ProtocolError that ended the
        connection. The thread of the agent that runs a batch reads the next request, too, unless unreceived
        answers might block its write: then it would read no more, and the sender of the next request would
        wait forever. While it runs one that is not `prompt`, another thread reads what comes.
        """
        number, answer = self._expect(answer_size)
        self._send(kind, number, thread, payload, prompt=prompt)
        return number, answer

    def interrupt(self, thread: int, request: int) -> None:
        """Ask the agent to interrupt this request if the thread runs it now; nothing if the agent is dead."""
        with contextlib.suppress(AgentDiedError):
            self._send(FrameKind.INTERRUPT, request, thread)

    def close_input(self) -> None:
        """Ask the agent to exit."""
        self._stream.close_input()

    def wait(self, deadline: Deadline) -> bool:
        """Whether the agent has ended; waits for it until the deadline."""
        return self._end_answer.wait(deadline)

    def exit_status(self) -> ExitStatus:
        """The agent's exit status, after wait(); raises the loss reason if no status arrived."""
        if isinstance(self._loss_reason, AgentDiedError) and self._loss_reason.exit_status is not None:
            return self._loss_reason.exit_status
        raise self._loss_reason or AssertionError("exit_status() called before the end")

    def close(self) -> None:
        """Release the stream; requests without an answer fail with AgentDiedError."""
        self._stream.close()
        self.wait(Deadline(_STATUS_SECONDS))

    def receive_until(self, answer: PendingAnswer, deadline: Deadline) -> bool:
        """Receive, or wait while another thread does, until the deadline; whether the answer has arrived."""
        turn = threading.Lock()
        try:
            in_time = True
            while in_time and self._awaits(answer, turn):
                if self._receiver is turn:
                    # What comes may answer nothing, for ever.
                    in_time = self._receive_some(deadline) and not deadline.expired
                else:
                    in_time = turn.acquire(timeout=deadline.remaining())
        finally:
            try:
                self._end_turn(turn)
            except BaseException:  # such as KeyboardInterrupt: else nobody would ever receive again
                self._end_turn(turn)
                raise
        return answer.settled

    def _awaits(self, answer: PendingAnswer, turn: threading.Lock) -> bool:
        """Whether it has not arrived: then the caller receives, or acquires `turn` and checks again."""
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
        """Let a waiting thread receive if nobody else does."""
        with self._lock:
            self._waiting.pop(turn, None)
            if self._receiver is turn:
                self._receiver = None
            if self._receiver is None and self._waiting:
                _wake(next(iter(self._waiting)))

    def _settle(self, answer: PendingAnswer, frame: Frame | None, error: HarnessError | None) -> None:
        """With the lock held: complete the answer, and wake the threads that wait for it."""
        answer.frame, answer.error, answer.settled = frame, error, True
        for turn, awaited in self._waiting.items():
            if awaited is answer:
                _wake(turn)

    def _receive_some(self, deadline: Deadline) -> bool:
        """Receive and dispatch what arrives next; False if nothing does by the deadline."""
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
                reason = self._exit_reason(status, self._decoder.unfinished)
                self._end(AgentDiedError(reason, exit_status=status))
        return True

    def _expect(self, size: int = 0) -> tuple[int, PendingAnswer]:
        answer = PendingAnswer(self, size)
        with self._lock:
            if self._loss_reason is not None:
                raise self._loss_reason
            number = next(self._requests)
            self._pending[number] = answer
            self._pending_pages += answer.pages
        return number, answer

    def _send(
        self, kind: FrameKind, request: int, thread: int, payload: bytes = b"", *, prompt: bool = False
    ) -> None:
        if not self._sending.acquire(timeout=SEND_SECONDS):
            raise TimeLimitError(
                f"sending to the agent: other threads have been sending for {SEND_SECONDS:g} s"
            )
        try:
            # Checked only when it is this frame's turn: the agent answers all frames sent before it first.
            if kind == FrameKind.BATCH and self._pending_pages <= _HELD_PAGES:
                kind = FrameKind.PROMPT_BATCH if prompt else FrameKind.FITTING_BATCH
            self._stream.send(Frame(kind, request, thread, payload).encode())
        except TimeLimitError as error:
            self._end_inside_frame(error)
            raise
        except OSError as error:
            # The agent is dead; the receiver finds its exit status.
            if not self.wait(Deadline(2 * _STATUS_SECONDS)):
                self._end(AgentDiedError(f"the agent accepts no more requests: {error}", exit_status=None))
            raise self._loss_reason or error from error
        except BaseException:
            if len(payload) > _PAGE:  # a socket accepts smaller writes completely, or not at all
                interrupted = (
                    f"sending a request of {len(payload)} bytes was interrupted: start another process"
                )
                self._end_inside_frame(AgentDiedError(interrupted, exit_status=None))
            raise
        finally:
            self._sending.release()

    def _end_inside_frame(self, reason: HarnessError) -> None:
        """After a partly sent frame nothing can follow."""
        self._end(reason)
        self._stream.close()

    def _dispatch(self, frame: Frame) -> None:
        if frame.kind == FrameKind.ERROR:
            self._agent_error = frame.payload.decode(errors="replace")
            return
        with self._lock:
            answer = self._pending.pop(frame.request, None) if frame.kind in _ANSWERS else None
            if answer is None:
                raise ProtocolError(f"the agent sent a frame that answers no request: {frame!r:.200}")
            self._pending_pages -= answer.pages
            self._settle(answer, frame, None)

    def _end(self, reason: HarnessError) -> None:
        logger.debug("connection to the agent ended: %s", reason)
        with self._lock:
            if self._loss_reason is None:
                self._loss_reason = reason
            for answer in (*self._pending.values(), self._end_answer):
                self._settle(answer, None, self._loss_reason)
            self._pending.clear()

    def _exit_reason(self, status: ExitStatus | None, unfinished: bytes) -> str:
        parts = [f"the agent {status}" if status else "the agent's stream ended without an exit status"]
        if self._agent_error:
            parts.append(f"it refused a request: {self._agent_error}")
        if unfinished:
            parts.append(f"its last output was {unfinished[:200]!r}")
        if self._stream.standard_error.strip():
            parts.append(f"its standard error was: {self._stream.standard_error.strip()}")
        return "; ".join(parts)


def _wake(turn: threading.Lock) -> None:
    """With the connection's lock held; does nothing for a thread that is already woken."""
    if turn.locked():
        turn.release()
