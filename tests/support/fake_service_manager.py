"""Fake service managers of every generation, as a Binder whose calls they handle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from emulator.base.deadline import Deadline
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.errors import ParcelError, StatusError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.services.interface import BasicCode
from harness.binder.services.wire import INTERFACE, Dialect

MANAGER = "manager"
LONGEST_LISTED = 109
"""Characters of the longest name that the program in C can list."""


class FakeServiceManager:
    """A Binder that replies like a service manager of `dialect`; records registrations and releases."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.services: dict[str, int | Node] = {} if dialect.in_c else {MANAGER: 7}
        self.accessors: set[str] = set()
        self.priorities: dict[str, int] = {}
        self.refusal: ExceptionCode | None = None
        self.released: list[int] = []
        self.calls: list[str] = []
        self.file = SimpleNamespace(path="/dev/binder")
        self.server = None
        self.references = SimpleNamespace(release=lambda *handles: self.released.extend(handles))

    @property
    def binder(self) -> Binder:
        return cast(Binder, self)

    def transact(
        self, handle: int, code: int, data: Parcel | None = None, *, deadline: Deadline | None = None
    ) -> ParcelReader:
        assert handle == 0
        assert deadline is None or not deadline.expired
        if code == BasicCode.PING_TRANSACTION:
            return ParcelReader(b"")
        assert data is not None
        reader = ParcelReader(data.data, data.offsets, wire=self.dialect.wire)
        answer = self._answer(code, reader)
        return ParcelReader(answer.data, answer.offsets, wire=data.wire)

    def _answer(self, code: int, reader: ParcelReader) -> Parcel:
        in_c = self.dialect.in_c
        try:
            if reader.interface_token() != INTERFACE:
                raise StatusError(StatusCode.PERMISSION_DENIED)
        except ParcelError:
            # svcmgr_handler in binder.c (Android 10) refuses with -1; what aidl generates does with BAD_TYPE
            # (system/tools/aidl, generate_cpp.cpp, checkInterface).
            raise StatusError(StatusCode.PERMISSION_DENIED if in_c else StatusCode.BAD_TYPE) from None
        if code > len(self.dialect.methods):
            raise StatusError(StatusCode.PERMISSION_DENIED if in_c else StatusCode.UNKNOWN_TRANSACTION)
        method = self.dialect.methods[code - 1]
        self.calls.append(method)
        answer = Parcel(self.dialect.wire)
        if self.refusal is not None:
            raise_or_write_refusal(self.refusal, answer, in_c=in_c)
            return answer
        if not in_c:
            answer.no_exception()
        try:
            self._carry_out(method, reader, answer)
        except ParcelError:
            raise StatusError(StatusCode.PERMISSION_DENIED if in_c else StatusCode.NOT_ENOUGH_DATA) from None
        return answer

    def _carry_out(self, method: str, reader: ParcelReader, answer: Parcel) -> None:
        match method:
            case "getService" | "checkService" | "getService2" | "checkService2":
                in_union = method.endswith("2") or (method == "checkService" and self.dialect.checks_in_union)
                self._find(reader.string16() or "", answer, in_union=in_union)
            case "addService":
                name, service = reader.string16() or "", reader.binder()
                assert service is not None
                reader.boolean()
                self.services[name], self.priorities[name] = service, reader.int32()
                if self.dialect.in_c:
                    answer.int32(0)
            case "listServices" if self.dialect.in_c:
                self._list_one(reader.int32(), reader.int32(), answer)
            case "listServices":
                mask = reader.int32()
                names = [name for name in self.services if self.priorities.get(name, 8) & mask]
                answer.string16_array(names)
            case "isDeclared":
                answer.boolean(reader.string16() == "declared")
            case "getServiceDebugInfo":
                answer.int32(0)
            case _:
                reader.string16()

    def _find(self, name: str, answer: Parcel, *, in_union: bool) -> None:
        found = self.services.get(name)
        if in_union:
            answer.boolean(True).int32(1 if name in self.accessors else 0)
            if name not in self.accessors:
                answer.boolean(True).int32(36)  # a ServiceWithMetadata, and its size
        match found:
            case None if self.dialect.in_c:
                answer.int32(0)
            case None:
                answer.null_binder()
            case Node():
                answer.node(found)
            case int():
                answer.handle(found)
        if in_union and name not in self.accessors:
            answer.boolean(False)

    def _list_one(self, index: int, mask: int, answer: Parcel) -> None:
        names = [name for name in reversed(self.services) if self.priorities.get(name, 8) & mask]
        if index >= len(names):
            raise StatusError(StatusCode.PERMISSION_DENIED)
        name = names[index]
        if len(name) > LONGEST_LISTED:
            answer.int32(len(name))
        else:
            answer.string16(name)


def raise_or_write_refusal(refusal: ExceptionCode, answer: Parcel, *, in_c: bool) -> None:
    """A refusal as either generation sends it."""
    if in_c:
        raise StatusError(StatusCode.PERMISSION_DENIED)
    answer.int32(refusal).string16("").int32(0)
