"""The typed value of a piece of text, by its kind; and what in it was not understood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.adb.listing import Listing, parse_listing
from emulator.base.errors import HarnessError
from harness.binder.errors import ParcelError, RemoteError
from harness.binder.parcels.reader import ParcelReader
from harness.framework.dumps.broadcasts import Broadcasts, read_broadcasts
from harness.framework.dumps.init_files import parse_init_file
from harness.framework.dumps.parcel_text import ReplyStatusError, parse_parcel_text
from harness.framework.dumps.service_list import parse_service_list
from harness.framework.dumps.services import BindRecord, parse_services
from harness.inspect.kinds import Kind
from harness.kernel.binder_debug.state import State
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import Stats, parse_stats
from harness.kernel.binder_debug.transaction_log import TransactionLog, parse_transaction_log
from harness.kernel.concise import counted
from harness.kernel.proc.maps import DetailedMapping, Mapping, Maps, parse_maps, parse_smaps
from harness.kernel.tracing.events import parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.recording.hops import Hops

_FEW = 3
MOST_TRANSACTIONS = 50_000
"""Of a trace; further ones are left out."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that `service call` printed."""

    data: bytes
    meaning: str
    """What it contains, as far as it can be told from the bytes."""
    text: str | None = None
    """The string in it, where it is one."""
    error: ReplyStatusError | RemoteError | None = None
    """The status or the exception that it has in the place of a result."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A piece of text that was recognised and could not be read."""

    reason: str


def value_of(kind: Kind, text: str, first_line: int) -> object:
    """The value of a text of this kind; Damaged where it could not be read."""
    try:
        return _READERS[kind](text, first_line)
    except HarnessError as error:
        return Damaged(str(error))


def unknown_in(value: object) -> Iterator[str]:
    """The lines that its reader did not understand."""
    match value:
        case State():
            yield from value.unknown_lines
            for block in value.processes:
                yield from block.unknown_lines
        case Stats():
            yield from value.unknown_lines
            for process in value.processes:
                yield from process.unknown_lines
        case TransactionLog() | Broadcasts():
            yield from value.unknown_lines
        case Damaged():
            yield value.reason


def described(kind: Kind, value: object) -> str:
    """A value in a few words."""
    match value:
        case State() if value.fragment and not value.processes:
            lines = [*value.fragment.transactions, *(each for each in value.fragment.threads)]
            return f"{counted(len(lines), 'record')} whose process is not shown"
        case State():
            return repr(value).removeprefix("<State: ").removesuffix(">")
        case Stats():
            return f"counters of {counted(len(value.processes), 'process')}"
        case TransactionLog():
            return counted(len(value.entries), "entry")
        case Hops():
            return counted(len(value), "transaction")
        case Broadcasts():
            return counted(len(value.records), "broadcast")
        case Maps():
            return counted(len(value), "mapping")
        case Listing():
            names = {id(device): name for name, device in value.items()}
            return ", ".join(f"{names.get(id(each), each.serial)} ({each.state})" for each in value.devices)
        case Reply():
            return value.meaning
        case Damaged():
            return f"not read: {value.reason}"
        case tuple():
            return _listed(kind, value)
        case _:
            return counted(value, "row") if isinstance(value, int) else str(value)


def _listed(kind: Kind, records: tuple[object, ...]) -> str:
    match kind:
        case Kind.SERVICES:
            bindings = [each for each in records if isinstance(each, BindRecord)]
            return "; ".join([counted(len(bindings), "binding"), *map(_binding, bindings[:_FEW])])
        case Kind.KERNEL_LOG:
            return f"{counted(len(records), 'message')} of the driver"
        case Kind.ERRORS:
            return counted(len(records), "line")
        case _:
            return counted(len(records), "service")


def _binding(binding: BindRecord) -> str:
    bound = "has returned" if binding.received else "was called" if binding.requested else "was not called"
    return f"{binding.service}: onBind {bound}, {counted(binding.clients, 'client')}"


def _state(text: str, first_line: int) -> State:
    return parse_state(text, first_line=first_line)


def _trace(text: str, _first_line: int) -> Hops:
    events = parse_trace("\n".join(text.split("\n")[: MOST_TRANSACTIONS * 4])).events
    return Hops(parse_hops(events)[:MOST_TRANSACTIONS])


def _maps(text: str, _first_line: int) -> Maps[DetailedMapping] | Maps[Mapping]:
    return parse_smaps(text) if " kB" in text else parse_maps(text)


def _reply(text: str, _first_line: int) -> Reply:
    try:
        reader = parse_parcel_text(text)
    except ReplyStatusError as error:
        return Reply(b"", f"no reply: {error.text}", error=error)
    if not reader.data:
        return Reply(b"", "an empty reply: the method returns nothing, or is one-way")
    size = f"a reply of {len(reader.data):,} bytes"
    try:
        reader.check_exception()
    except RemoteError as error:
        return Reply(reader.data, f"{size}: {error}", error=error)
    except ParcelError:
        number = f", the number {_number(reader.data)}" if len(reader.data) == 4 else ""
        return Reply(reader.data, f"{size}, which begins with no exception code{number}")
    if not reader.remaining:
        return Reply(reader.data, f"{size}: no exception, and no result")
    string = _string(ParcelReader(reader.data[reader.position :]))
    if string is not None:
        return Reply(reader.data, f"{size}: no exception, and the string {string!r}", string)
    if reader.remaining == 4:
        return Reply(reader.data, f"{size}: no exception, and the number {_number(reader.data[-4:])}")
    return Reply(reader.data, f"{size}: no exception, and {reader.remaining:,} bytes of its own format")


def _number(data: bytes) -> str:
    number = int.from_bytes(data, "little", signed=True)
    return f"{number} ({number & 0xFFFFFFFF:#010x})"


def _string(reader: ParcelReader) -> str | None:
    """The string that is all there is, if it is one."""
    for read in (reader.string16, reader.string8):
        reader.position = 0
        try:
            text = read()
        except ParcelError:
            continue
        if text is not None and not reader.remaining and text.isprintable():
            return text
    return None


_READERS: dict[Kind, Callable[[str, int], object]] = {
    Kind.STATE: _state,
    Kind.TRANSACTIONS: _state,
    Kind.PROCESS: _state,
    Kind.STATS: lambda text, line: parse_stats(text, first_line=line),
    Kind.TRANSACTION_LOG: lambda text, line: parse_transaction_log(text, first_line=line),
    Kind.FAILED_LOG: lambda text, line: parse_transaction_log(text, first_line=line),
    Kind.TRACE: _trace,
    Kind.BROADCASTS: lambda text, line: read_broadcasts(text, first_line=line),
    Kind.SERVICES: lambda text, line: parse_services(text, first_line=line),
    Kind.SERVICE_LIST: lambda text, line: parse_service_list(text, first_line=line),
    Kind.REPLY: _reply,
    Kind.INIT: lambda text, line: parse_init_file(text, first_line=line),
    Kind.MAPS: _maps,
    Kind.DEVICES: lambda text, line: Listing(parse_listing(text, first_line=line)),
    Kind.PROCESSES: lambda text, _line: text.count("\n") + 1,
}
