"""A service in Python: a process on the device with an object registered at the device's service manager."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from emulator.base.errors import FacilityMissingError, UsageError
from harness.argument_types import checked
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.errors import RemoteError, StatusError
from harness.binder.pair import Process, StartsProcesses
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.services.interface import Dump, Interface
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import Dialect
from harness.binder.serving.call import Handler

BINDER = "/dev/binder"
"""The device whose context manager is Android's service manager."""
LONGEST_NAME = 127
"""UTF-16 units."""
REFUSED = (ExceptionCode.EX_SECURITY, StatusCode.PERMISSION_DENIED)
"""What addService answers where SELinux refuses the caller a name (cmds/servicemanager, ServiceManager.cpp;
for Android 10, service_manager.c)."""
_NAME_SINCE_11 = re.compile(r"[A-Za-z0-9_./-]+")
ACTIVITY_MANAGER = "activity"
"""The activity manager's name (ActivityManagerService.setSystemProcess)."""


@dataclass(frozen=True, slots=True, repr=False)
class Service(Generic[Process]):
    """A registered service, and the process that serves it."""

    name: str
    node: Node
    process: Process
    binder: Binder
    manager: ServiceManager
    """The service manager, called from the service's process."""

    def __repr__(self) -> str:
        return f"<Service {self.name!r} of process {self.binder.process.pid}>"


def check_name(name: str, dialect: Dialect) -> None:
    """Raise UsageError for a name under which a generation of the service manager registers nothing.

    To Android 10 only the length counts (cmds/servicemanager/service_manager.c, do_add_service); from 11 on
    the characters do (ServiceManager.cpp, isValidServiceName). One of Android 11 was seen to abort on a
    letter outside of ASCII, and init reboots a device whose service manager aborts four times.
    """
    valid = 0 < len(name.encode("utf-16-le", "surrogatepass")) // 2 <= LONGEST_NAME
    if valid and (dialect.in_c or _NAME_SINCE_11.fullmatch(name)):
        return
    characters = "characters" if dialect.in_c else "of A-Z, a-z, 0-9, `_`, `-`, `.` and `/`"
    raise UsageError(
        f"{name[:LONGEST_NAME]!r} cannot be registered at the service manager of {dialect.name}: a name has "
        f"1 to {LONGEST_NAME} {characters}."
    )


@checked
@contextmanager
def open_service(
    device: StartsProcesses[Process],
    name: str,
    handler: Handler,
    *,
    interface: str | None = None,
    dump: Dump | None = None,
    threads: int = 1,
    allow_isolated: bool = False,
    path: str = BINDER,
) -> Iterator[Service[Process]]:
    """Start a process, register an object of it under `name`, and answer its calls with `handler`.

    The handler gets `Call.data` after the interface token; `interface` is the interface's name, by default
    that of the service. `dumpsys NAME` calls `dump`. The name is unregistered a moment after the process
    ends. Raises UsageError for a name that the device's service manager refuses or dies of, without sending
    it, FacilityMissingError where the device's security policy refuses it, what ServiceManager.add does, and
    HandlerError at the end if the handler raised.
    """
    with device.process() as process, Binder.open(process, path) as binder:
        manager = ServiceManager(binder)
        check_name(name, manager.dialect)
        wire = manager.dialect.wire
        node = binder.add_node(Interface(descriptor=interface or name, methods=handler, dump=dump, wire=wire))
        binder.serve(threads=threads)
        try:
            manager.add(name, node, allow_isolated=allow_isolated)
        except (RemoteError, StatusError) as error:
            if _code_of(error) in REFUSED:
                raise FacilityMissingError(
                    f"needs to register a name, which the device's policy refuses to user {process.uid}. "
                    "It can be tested on the target `embedded`, or as root on a userdebug one."
                ) from error
            raise
        yield Service(name, node, process, binder, manager)


def _code_of(error: RemoteError | StatusError) -> int:
    return error.code if isinstance(error, RemoteError) else error.status
