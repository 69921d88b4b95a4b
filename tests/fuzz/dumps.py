"""Parsers of what people already have: dumps, lists and logs, alone and in a bug report."""

from __future__ import annotations

import io
from collections.abc import Iterator

from harness.binder.errors import ParcelError
from harness.framework.dumps.broadcasts import parse_broadcasts, read_broadcasts
from harness.framework.dumps.init_files import parse_init_file
from harness.framework.dumps.parcel_text import parse_parcel_text
from harness.framework.dumps.processes import ProcessNames
from harness.framework.dumps.service_list import parse_service_list
from harness.framework.dumps.services import parse_services
from harness.inspect.errors.lines import explain
from harness.inspect.inspection import read_sources
from harness.inspect.sources import Source
from harness.inspect.text import json_of, text_of, unknown_of
from harness.kernel.binder_debug.kernel_log import parse_kernel_log
from tests.fuzz.kernel import LOG, STATE, STATS, TRACE
from tests.fuzz.target import Target, name_of, text_target

BROADCASTS = """  Historical Broadcast foreground #0:
    BroadcastRecord{1a2b3c4 u0 android.intent.action.TIME_TICK} to user 0
    Deliver  +1ms #0: BroadcastFilter{5 u0 ReceiverList{6 7 system/1000/u0 local:8}}
"""
SERVICES = """  * ServiceRecord{1a2b3c u0 com.example/.Service}
    * IntentBindRecord{4d5e6f CREATE}:
      requested=true received=true hasBound=true doRebind=false
"""
RC = "service servicemanager /system/bin/servicemanager\n    class core\n    onrestart restart zygote\n"
PARCEL = "Result: Parcel(\n  0x00000000: 00000000 0000000f '........'\n  0x00000008: 00610061 'a.a.')\n"
LIST = "Found 2 services:\n0\tactivity: [android.app.IActivityManager]\n1\tpackage: []\n"
KERNEL_LOG = """[   12.345678] binder: 7:7 transaction failed 29201/-28, size 1048576-8 line 3120
[   12.345679] binder_alloc: 9: binder_alloc_buf size 1048576 failed, no address space
[   12.345680] binder_alloc: allocated: 4096 (num: 1 largest: 4096), free: 1036288 (num: 1 largest: 1036288)
"""
PROCESSES = """USER PID PPID VSZ RSS WCHAN ADDR S NAME
root 7 1 1000 100 0 0 S servicemanager
    PID #9: ProcessRecord{1a2b3c 9:com.example/u0a1}
"""
BUG_REPORT = f"------ BINDER STATE (/d/binder/state) ------\n{STATE}------ KERNEL LOG ------\n{KERNEL_LOG}"
ERRORS = "android.os.TransactionTooLargeException: data parcel size 1048600 bytes\nstatus -32\n29189\n"


def inspected(data: bytes) -> None:
    """What a text of any kind holds, and what that means, as shown and as stored."""
    inspection = read_sources([Source("file", io.BytesIO(data))])
    for view in (text_of(inspection), unknown_of(inspection)):
        assert all(isinstance(line, str) for line in view)
    json_of(inspection)


def names(text: str) -> None:
    """The names of processes in a dump."""
    found = ProcessNames()
    for line in text.split("\n"):
        found.take(line)


def _texts(*texts: str) -> Iterator[bytes]:
    return (text.encode() for text in texts)


TARGETS = (
    text_target(parse_broadcasts, BROADCASTS),
    text_target(read_broadcasts, BROADCASTS),
    text_target(parse_services, SERVICES),
    text_target(parse_init_file, RC),
    text_target(parse_parcel_text, PARCEL, refuses=(ParcelError,)),
    text_target(parse_service_list, LIST),
    text_target(parse_kernel_log, KERNEL_LOG),
    text_target(explain, KERNEL_LOG, ERRORS, LOG),
    Target(
        name_of(read_sources),
        inspected,
        tuple(_texts(BUG_REPORT, STATE, STATS, LOG, TRACE, BROADCASTS, SERVICES, LIST, PROCESSES)),
    ),
)
