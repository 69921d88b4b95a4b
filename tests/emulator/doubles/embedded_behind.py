"""The device behind every double: the embedded one, at a port of the double's choice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.base.architecture import X86_64
from emulator.base.deadline import Deadline
from emulator.cache.run_directory import run_directory
from emulator.cache.store import entry, fingerprint
from emulator.embedded.archive import Archive
from emulator.embedded.image import embedded_image
from emulator.embedded.kernel.command_line import kernel_arguments
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.snapshot import restored_machine

STARTS_WITHIN = 60.0

PACKAGE_MANAGER = (
    b"#!/bin/sh\n[ \"$*\" = 'path android' ] && echo package:/system/framework/framework-res.apk\n"
)
"""Android's `pm`, which the embedded device does not have: as much of it as shows that it answers."""


@contextmanager
def embedded_behind(port: int) -> Iterator[Machine]:
    """Start the embedded device from a snapshot, and have its adbd answer on `port` of 127.0.0.1."""
    deadline = Deadline(STARTS_WITHIN)
    hardware = _hardware()
    with run_directory() as directory:  # which goes with the next run where this one is killed
        restored = restored_machine(hardware, directory, deadline=deadline)
        with restored or Machine(hardware, directory) as machine:
            machine.wait_until_ready(deadline)
            threading.Thread(target=_relay, args=(port, machine.adb_port), daemon=True).start()
            yield machine


def _hardware() -> Hardware:
    """The embedded device's, with a package manager; a port sets its clock after it was restored."""
    image = embedded_image()
    archive = Archive()
    archive.file("system/bin/pm", PACKAGE_MANAGER, mode=0o755)
    added = archive.finish()

    def build(directory: Path) -> None:
        (directory / "initramfs").write_bytes(image.initramfs.read_bytes() + added)

    directory = entry("image-behind-doubles", fingerprint(str(image.initramfs), added), build)
    return Hardware(
        kernel=image.kernel.image,
        initramfs=directory / "initramfs",
        kernel_arguments=kernel_arguments(X86_64),
        ports=1,
    )


def _relay(port: int, to: int) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer), return_exceptions=True)
        writer.close()
        there[1].close()

    async def serve() -> None:
        server = await asyncio.start_server(connect, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())
