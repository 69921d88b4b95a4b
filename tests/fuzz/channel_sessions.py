"""The channel server, with sanitizers: its ports are terminals without line editing."""

from __future__ import annotations

import contextlib
import os
import pty
import random
import select
import struct
import subprocess
import tempfile
import time
import tty
from pathlib import Path

from emulator.embedded.qemu.virtio_serial import BOUNDARY_SIZE, SEED_SIZE, RequestKind
from tests.fuzz.mutations import mutated
from tests.fuzz.sanitizers import ENVIRONMENT

PORTS = 3
MOST_REQUESTS = 20
ANSWERS_WITHIN = 0.02
"""Seconds in which an answer may come; whether it does is not what is tested."""
TOO_LONG = b"channel_server: the request is too long\n"
"""With this, the server may end: its host sends no such request."""
ENDS_WITHIN = 10.0
PROGRAMS = (b"/bin/true\0", b"/bin/cat\0-\0", b"/bin/none\0", b"", b"/bin/true\0" + b"a\0" * 100)


def session(program: Path, choice: random.Random) -> tuple[int, str]:
    """A server that gets some requests: how many, and what was wrong, if anything."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        masters = [_port(stack, directory, number) for number in range(PORTS)]
        server = stack.enter_context(
            subprocess.Popen(
                [program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **ENVIRONMENT, "PORTS": str(directory)},
            )
        )
        stack.callback(server.kill)
        requests = choice.randint(1, MOST_REQUESTS)
        for _ in range(requests):
            master = choice.choice(masters)
            with contextlib.suppress(OSError):  # a port whose programs read nothing is full
                os.write(master, _request(choice))
                if select.select([master], [], [], ANSWERS_WITHIN)[0]:
                    os.read(master, 1 << 16)
        status = server.poll()
        server.kill()
        errors = server.communicate(timeout=ENDS_WITHIN)[1]
    ended_in_order = status == 1 and errors.endswith(TOO_LONG)
    # Programs that it does not find, and answers to a port that is full, are reported there.
    if (status is not None and not ended_in_order) or b"Sanitizer" in errors or b"runtime error" in errors:
        return requests, f"it ended with {status}: {errors.decode(errors='replace')[:4000]}"
    return requests, ""


def _port(stack: contextlib.ExitStack, directory: Path, number: int) -> int:
    master, slave = pty.openpty()
    stack.callback(os.close, master)
    stack.callback(os.close, slave)
    tty.setraw(slave)
    os.set_blocking(master, False)
    (directory / f"vport{number}p1").symlink_to(os.ttyname(slave))
    return master


def _request(choice: random.Random) -> bytes:
    boundary = choice.randbytes(BOUNDARY_SIZE)
    kind = choice.choice(tuple(RequestKind))
    if kind is RequestKind.RUN:
        payload = choice.choice(PROGRAMS)
    else:
        payload = struct.pack("<qq", int(time.time()), 0) + choice.randbytes(SEED_SIZE)
    request = boundary + struct.pack("<II", kind, len(payload)) + payload
    if choice.random() < 0.3:
        request = mutated(request, choice)
    return request + choice.randbytes(choice.choice((0, 0, 5))) + boundary
