"""Parsers of what the kernel shows."""

from __future__ import annotations

import struct
from pathlib import Path

from emulator.base.errors import HarnessError
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import parse_stats
from harness.kernel.binder_debug.transaction_log import parse_transaction_log
from harness.kernel.proc.devices import parse_devices, parse_misc
from harness.kernel.proc.kcore import Kcore
from harness.kernel.proc.maps import parse_maps, parse_smaps
from harness.kernel.proc.memory import parse_meminfo, parse_slabinfo, parse_vmallocinfo
from harness.kernel.proc.process import parse_limits, parse_status
from harness.kernel.proc.system import (
    parse_config,
    parse_file_nr,
    parse_filesystems,
    parse_modules,
    parse_version,
)
from harness.kernel.tracing.event_format import parse_event_format
from harness.kernel.tracing.events import parse_fields, parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.ring_buffer import missed_events, records_of
from tests.fuzz.target import Target, name_of, text_target
from tests.support.fake_files import FakeFiles

STATE = """binder state:
dead nodes:
  node 11: u00007f00 c00007f10 pri 0:120 hs 1 hw 1 ls 0 lw 0 is 1 iw 1 tr 1 proc 12
proc 7
context binder
  thread 7: l 12 need_return 0 tr 0
    outgoing transaction 5: 00000000 from 7:7 to 9:9 code 1 flags 10 pri 0:120 r1 node 3 size 8:0 data 00007f
  node 3: u00007f00 c00007f10 pri 0:139 hs 1 hw 1 ls 0 lw 0 is 1 iw 1 tr 1 proc 9
  ref 4: desc 0 node 3 s 1 w 1 d 0000000000000000
  buffer 2: 0 size 8:0:0 active
  pending transaction 6: 00000000 from 9:9 to 7:0 code 2 flags 11 pri 0:120 r0 node 3 size 16:8 data 00007f
"""
STATS = """binder stats:
BC_TRANSACTION: 5
BR_REPLY: 5
proc: active 2 total 3
proc 7
context binder
  threads: 2
  requested threads: 0+1/15
  ready threads 1
  free async space 520192
  nodes: 1
  refs: 2 s 2 w 2
  buffers: 1
  pages: 1:2:253
  pages high watermark: 3
  pending transactions: 0
  BC_REPLY: 4
"""
LOG = (
    "12: call  from 7:7 to 9:0 context binder node 3 handle 0 size 8:0 ret 0/0 l=0\n"
    "13: async from 7:7 to 9:9 context binder node 3 handle 0 size 8:8 ret 29201/-28 l=3120\n"
)
TRACE = (
    "          <...>-7       [000] d..1.    12.345678: binder_transaction: transaction=5 dest_node=3 "
    "dest_proc=9 dest_thread=0 reply=0 flags=0x10 code=0x1\n"
    "   server-9       (      9) [001] .....    12.345699: binder_transaction_received: transaction=5\n"
    "   server-9       [001] ..... 12.345701: sys_ioctl(fd: 3, cmd: c0306201, arg: 7f)\n"
)
FORMAT = """name: binder_transaction
ID: 300
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int debug_id;\toffset:8;\tsize:4;\tsigned:1;
\tfield:char name[16];\toffset:12;\tsize:16;\tsigned:0;
\tfield:__data_loc char[] text;\toffset:28;\tsize:4;\tsigned:0;
"""
MAPPING = """7f0000000000-7f00000fe000 r--p 00000000 00:05 12                         /dev/binder
Size:               1016 kB
Rss:                   4 kB
VmFlags: rd mr me dc nr sd mm
"""


def hops(text: str) -> object:
    """The transactions in a trace."""
    return parse_hops(parse_trace(text).events)


def ring_page(page: bytes) -> None:
    """The records of a page, each decoded by an event's format."""
    form = parse_event_format(FORMAT)
    assert form is not None
    for _, record in records_of(page):
        form.decode(record)
    missed_events(page)


def event_format(data: bytes) -> None:
    """A format, which is then used."""
    text, _, record = data.partition(b"\0")
    form = parse_event_format(text.decode(errors="replace"))
    if form is not None:
        form.decode(record)


def kcore(data: bytes) -> None:
    """The segments of an ELF core file."""
    core = Kcore(FakeFiles({"/proc/kcore": data}))
    for segment in core.segments:
        segment.position(0, 1)


def _own(name: str) -> str:
    return Path("/proc", name).read_text(errors="replace")


_PAGE = struct.pack("<QQIHHQ", 1, 16, 3 | 5 << 5, 300, 0, 7).ljust(4096, b"\0")
_CORE = (
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    + struct.pack("<IIQQQQQQ", 1, 7, 4096, 1 << 63, 0, 4096, 4096, 0)
)

TARGETS = (
    text_target(parse_state, STATE),
    text_target(parse_stats, STATS),
    text_target(parse_transaction_log, LOG),
    text_target(parse_trace, TRACE),
    text_target(parse_fields, "transaction=5 dest_node=3 name=a b flags=0x10"),
    Target(name_of(parse_hops), lambda data: hops(data.decode(errors="replace")), (TRACE.encode(),)),
    Target(name_of(records_of), ring_page, (_PAGE,), (ValueError,)),
    Target(
        name_of(parse_event_format),
        event_format,
        (FORMAT.encode() + b"\0" + bytes(40),),
        (HarnessError, ValueError),
    ),
    Target("harness.kernel.proc.kcore.Kcore", kcore, (_CORE,), (HarnessError, EOFError)),
    text_target(parse_maps, MAPPING.split("Size")[0], _own("self/maps")),
    text_target(parse_smaps, MAPPING, _own("self/smaps")[:4096]),
    text_target(parse_status, _own("self/status")),
    text_target(parse_limits, _own("self/limits")),
    text_target(parse_meminfo, _own("meminfo")),
    text_target(
        parse_slabinfo,
        "slabinfo - version: 2.1\n# name\nkmalloc-8 5 10 8 512 1 : tunables 0 0 0 : slabdata 1 1 0\n",
    ),
    text_target(
        parse_vmallocinfo, "0xffffc90000000000-0xffffc90000005000   20480 binder_mmap+0x1/0x2 user\n"
    ),
    text_target(parse_devices, _own("devices")),
    text_target(parse_misc, _own("misc")),
    text_target(parse_modules, "binder_linux 200704 4 - Live 0x0000000000000000 (E)\n"),
    text_target(parse_filesystems, _own("filesystems")),
    text_target(parse_file_nr, "1000\t0\t9223372036854775807\n"),
    text_target(parse_version, _own("version")),
    text_target(parse_config, "CONFIG_ANDROID_BINDER_IPC=m\n# CONFIG_RUST is not set\n"),
)
