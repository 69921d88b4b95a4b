"""Matches an agent's answers with the requests that await them, and tells these when the agent ends."""

from __future__ import annotations

import contextlib
import itertools
import threading
from concurrent.futures import Future

from emulator.deadline import Deadline
from emulator.errors import HarnessError, TimeLimitError
from harness.agent.errors import AgentDiedError, ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.protocol import Frame, FrameDecoder, FrameKind, Hello, decode_hello
from harness.agent.stream import SEND_SECONDS, Stream

_RECEIVED_AT_ONCE = 256 * 1024
_STATUS_SECONDS = 2.0
"""How long the exit status may come after the end of the output."""
_HELLO_REQUEST = 0
_ANSWERS = (FrameKind.HELLO, FrameKind.STARTED, FrameKind.RESULTS)


class Connection:
    """One agent's stream. A thread of its own receives, so any number of requests can be awaited at once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._sending = threading.Lock()
        self._lock = threading.Lock()  # over what follows
        self._pending: dict[int, Future[Frame]] = {}
        self._ending: HarnessError | None = None
        self._requests = itertools.count(_HELLO_REQUEST)
        self._refusal = ""
        self._ended = threading.Event()
        self._hello = self._expect()[1]
        self._receiver = threading.Thread(target=self._receive_all, name="agent connection", daemon=True)
        self._receiver.start()

    def greeting(self, deadline: Deadline) -> Hello:
        """What the agent says of itself; raises AgentDiedError or ProtocolError where it says none of it."""
        try:
            return decode_hello(self._hello.result(deadline.remaining()))
        except TimeoutError as error:
            raise TimeLimitError(f"the agent's greeting: not within {deadline.seconds:g} s") from error

    def request(self, kind: FrameKind, *, thread: int = 0, payload: bytes = b"") -> tuple[int, Future[Frame]]:
        """Send a frame without awaiting its answer; gives its number, and the future of the answer.

        The future raises AgentDiedError, or the ProtocolError that ended the connection.
        """
        number, answer = self._expect()
        try:
            self._send(Frame(kind, number, thread, payload))
        except BaseException:
            with self._lock:
                self._pending.pop(number, None)
            raise
        return number, answer

    def interrupt(self, thread: int, request: int) -> None:
        """Ask the agent to interrupt this request, if the thread is at it now and the agent still there."""
        with contextlib.suppress(AgentDiedError):
            self._send(Frame(FrameKind.INTERRUPT, request, thread))

    def close_input(self) -> None:
        """Ask the agent to exit."""
        self._stream.close_input()

    def wait(self, deadline: Deadline) -> bool:
        """Whether the agent has ended; waits for it until the deadline."""
        return self._ended.wait(deadline.remaining())

    def exit_status(self) -> ExitStatus:
        """How the agent ended, once wait() says so; raises what ended the connection where none can tell."""
        if isinstance(self._ending, AgentDiedError) and self._ending.exit_status is not None:
            return self._ending.exit_status
        raise self._ending or AssertionError("asked before the end")

    def close(self) -> None:
        """Release the stream; whoever still awaits an answer gets AgentDiedError."""
        self._stream.close()
        self._ended.wait(_STATUS_SECONDS)

    def _expect(self) -> tuple[int, Future[Frame]]:
        answer: Future[Frame] = Future()
        with self._lock:
            if self._ending is not None:
                raise self._ending
            number = next(self._requests)
            self._pending[number] = answer
        return number, answer

    def _send(self, frame: Frame) -> None:
        data = frame.encode()
        if not self._sending.acquire(timeout=SEND_SECONDS):
            raise TimeLimitError(f"sending to the agent: others have been sending for {SEND_SECONDS:g} s")
        try:
            self._stream.send(data)
        except TimeLimitError as error:
            self._end(error)  # part of the frame may be on its way: nothing can follow it
            self._stream.close()
            raise
        except OSError as error:
            # The agent is gone; the receiver is about to learn how.
            if not self._ended.wait(2 * _STATUS_SECONDS):
                self._end(AgentDiedError(f"the agent takes no more requests: {error}", exit_status=None))
            raise self._ending or error from error
        finally:
            self._sending.release()

    def _receive_all(self) -> None:
        decoder = FrameDecoder()
        try:
            while data := self._stream.receive(_RECEIVED_AT_ONCE):
                for frame in decoder.feed(data):
                    self._dispatch(frame)
        except HarnessError as error:
            self._end(error)
            self._stream.close()
        else:
            status = self._stream.exit_status(Deadline(_STATUS_SECONDS))
            self._end(AgentDiedError(self._obituary(status, decoder.unfinished), exit_status=status))
        finally:
            self._ended.set()

    def _dispatch(self, frame: Frame) -> None:
        if frame.kind == FrameKind.ERROR:
            self._refusal = frame.payload.decode(errors="replace")
            return
        with self._lock:
            answer = self._pending.pop(frame.request, None) if frame.kind in _ANSWERS else None
        if answer is None:
            raise ProtocolError(f"the agent sent what answers no request: {frame!r:.200}")
        answer.set_result(frame)

    def _end(self, ending: HarnessError) -> None:
        with self._lock:
            if self._ending is None:
                self._ending = ending
            abandoned = list(self._pending.values())
            self._pending.clear()
        for answer in abandoned:
            answer.set_exception(self._ending)

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
