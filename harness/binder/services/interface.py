"""The calls that every libbinder object answers, so that a service in Python only needs its methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from harness.argument_types import checked_methods
from harness.binder.abi import objects
from harness.binder.abi.structures import BinderFdObject
from harness.binder.driver.payload import Data
from harness.binder.errors import ParcelError, StatusError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.serving.call import Call, Handler

FIRST_CALL_TRANSACTION = 0x00000001
LAST_CALL_TRANSACTION = 0x00FFFFFF
"""The range of method codes, both ends included."""


class BasicCode(IntEnum):
    """Codes outside the methods' range that BBinder answers (libs/binder/Binder.cpp, IBinder.h, 11)."""

    PING_TRANSACTION = int.from_bytes(b"_PNG", "big")
    DUMP_TRANSACTION = int.from_bytes(b"_DMP", "big")
    INTERFACE_TRANSACTION = int.from_bytes(b"_NTF", "big")
    DEBUG_PID_TRANSACTION = int.from_bytes(b"_PID", "big")


Dump = Callable[[tuple[str, ...]], str]
"""Takes the arguments after the name in `dumpsys NAME …`, and returns the text to print."""


@checked_methods
@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A handler that answers like libbinder's objects, and passes calls of methods to `methods`.

    Those get `Call.data` after the interface token, which is checked: if it names another interface, the
    caller gets status PERMISSION_DENIED, as from AOSP's CHECK_INTERFACE.
    """

    descriptor: str
    """The interface's name, such as `android.os.IServiceManager`."""
    methods: Handler
    dump: Dump | None = None
    wire: WireFormat = WireFormat.ANDROID_13
    """The wire format of calls and replies."""

    def __call__(self, call: Call) -> Data | None:
        """Answer one call."""
        call.wire = self.wire
        match call.code:
            case BasicCode.PING_TRANSACTION:
                return None
            case BasicCode.INTERFACE_TRANSACTION:
                return Parcel(self.wire).string16(self.descriptor)
            case BasicCode.DEBUG_PID_TRANSACTION:
                return Parcel(self.wire).int32(call.thread.file.process.pid)
            case BasicCode.DUMP_TRANSACTION:
                self._dump(call)
                return None
            case code if FIRST_CALL_TRANSACTION <= code <= LAST_CALL_TRANSACTION:
                self._check_token(call)
                return self.methods(call)
        _close_descriptors(call)
        raise StatusError(StatusCode.UNKNOWN_TRANSACTION)

    def _check_token(self, call: Call) -> None:
        try:
            named = call.data.interface_token()
        except ParcelError:
            named = None
        if named != self.descriptor:
            raise StatusError(StatusCode.PERMISSION_DENIED)

    def _dump(self, call: Call) -> None:
        thread = call.thread.remote
        try:
            descriptor = call.data.file_descriptor()
            if self.dump is None:
                return
            arguments = tuple(call.data.string16() or "" for _ in range(call.data.int32()))
            text = self.dump(arguments).encode()
            while text:
                text = text[thread.syscall("write", descriptor, text, len(text)) :]
        except OSError as error:  # the reader has closed its end
            raise StatusError(-(error.errno or 0)) from error
        finally:
            _close_descriptors(call)


def _close_descriptors(call: Call) -> None:
    """Close the file descriptors of a call, as libbinder does after handling it.

    Otherwise a reader of the caller's output would wait forever for its end: `cmd` passes its output on.
    """
    for found in objects.all_objects(call.data.data, call.data.offsets):
        if isinstance(found, BinderFdObject):
            call.thread.remote.syscall("close", found.fd)
