"""What a line shows itself to be: by the headings of a bug report, and by its shape."""

from __future__ import annotations

import re
from enum import Enum, auto

from emulator.adb import listing
from harness.inspect.kinds import Kind

HEADING = re.compile(r"------ (?P<title>.+?)(?: \((?P<command>.*)\))? ------\s*")
"""dumpstate's heading of a section (frameworks/native/cmds/dumpstate/DumpstateUtil.cpp)."""
DURATION = re.compile(r"-{6,} [\d.]+s was the duration of .*")
SERVICE = re.compile(r"DUMP OF SERVICE (?:(?:CRITICAL|HIGH|NORMAL|DEFAULT) )?(?P<name>\S+):\s*")
"""frameworks/native/cmds/dumpsys/dumpsys.cpp; with priorities since Android 9."""
REPORT = re.compile(r"== dumpstate: (?P<date>.*)")
FINGERPRINT = re.compile(r"Build fingerprint: '(?P<build>.*)'\s*")
MARKS = ("------", "DUMP OF SERVICE", "======", "== ")
"""How every heading begins."""

UNREAD_STARTS = ("*** ", "cat: ", "grep: ", "head: ", "tail: ", "sh: ", "/system/bin/sh: ")
UNREAD = re.compile(
    r"(?:\*\*\* (?:Error dumping )?|(?:\S+: )+)(?P<path>/\S*binder\S*?)(?: \(.*\))?: "
    r"(?P<reason>Permission denied|No such file or directory|Operation not permitted)\s*"
)
"""What is in the place of a file: dumpstate's line (DumpFileToFd in DumpstateUtil.cpp; `*** PATH: REASON` of
dump_file in utils.c before it), or a command's error."""

BY_TITLE = {
    "BINDER STATE": Kind.STATE,
    "BINDER TRANSACTIONS": Kind.TRANSACTIONS,
    "BINDER STATS": Kind.STATS,
    "BINDER TRANSACTION LOG": Kind.TRANSACTION_LOG,
    "BINDER FAILED TRANSACTION LOG": Kind.FAILED_LOG,
}

LOG_LINE = re.compile(
    r"(?:> ?)*(?:(?:<\d+>)?\[ *\d+\.\d+\]|\[\w{3} \w{3} +\d+ [\d:]+ \d{4}\]|"
    r"(?:\d{4}-)?\d\d-\d\d[ T]\d\d:\d\d:\d\d\b|\w{3} +\d+ \d\d:\d\d:\d\d \S+ \S+: |[VDIWEF]/\S)|"
    r"\s*(?:at [\w.$<>/-]+\(|Caused by: |\.\.\. \d+ more|\| \w+=|(?:native: |kernel: |#)#?\d+ |- (?:waiting|"
    r"locked|sleeping) )"
)
"""A line of a kernel log (dmesg, with -T, syslog), of logcat or of a stack of Java's, about whatever."""


class Part(Enum):
    """A shape that belongs to what is around it."""

    PROC = auto()
    """`proc 12`, in a state or in counters."""
    RECORD = auto()
    """Of a state, without saying of which file."""
    COUNTER = auto()
    """Of counters."""


_PREFIX = (
    r"(?:> ?)*(?:\S*(?:state|stats|transactions|log|\d+)[:-](?:\d+[:-])?(?= |proc|thread|binder|B[CR]_))?\s*"
)
_SHAPES: dict[Kind | Part, str] = {
    Kind.STATE: rf"{_PREFIX}binder state:",
    Kind.TRANSACTIONS: rf"{_PREFIX}binder transactions:",
    Kind.PROCESS: rf"{_PREFIX}binder proc state:",
    Kind.STATS: rf"{_PREFIX}binder stats:",
    Part.PROC: rf"{_PREFIX}(?:proc \d+|context \w+)\s*$",
    Part.RECORD: (
        rf"{_PREFIX}(?:[A-Z]\w* +)?(?:thread \d+: l |node \d+: u|ref \d+: desc |buffer(?: \d+)?: \S+ size |"
        r"(?:incoming|outgoing|bad|pending async|pending) transaction \d+:|node work \d+:|dead nodes:)"
    ),
    Part.COUNTER: (
        rf"{_PREFIX}(?:threads: \d+|requested threads: \d|ready threads \d|free (?:async|oneway) space|"
        r"pages: \d+:|refs: \d+ s \d|B[CR]_[A-Z_]+: -?\d+\s*$)"
    ),
    Kind.TRANSACTION_LOG: r"(?:\S*:)?\s*\d+: (?:call|reply|async) +from \d+:\d+ to ",
    Kind.BROADCASTS: r"ACTIVITY MANAGER BROADCAST STATE|\s*BroadcastRecord\{|\s*Historical [Bb]roadcast",
    Kind.SERVICES: r"ACTIVITY MANAGER SERVICES|\s*\* (?:ServiceRecord|IntentBindRecord)\{",
    Kind.SERVICE_LIST: r"Found \d+ services:|\s*\d+\t\S[^\[]*: \[|Currently running services:",
    Kind.REPLY: r"(?:Result: )?Parcel\(",
    Kind.INIT: r"service \S+ /\S|on (?:[\w-]+|property:\S+)\s*(?:&&.*)?$|import /\S+\.rc\s*$",
    Kind.MAPS: r"[0-9a-f]{4,16}-[0-9a-f]{4,16} [r-][w-][x-][ps] [0-9a-f]+ ",
    Kind.DEVICES: rf"{listing.HEADING}|\S.*\s(?:{'|'.join(listing.STATES)})\b.* transport_id:\d+",
    Kind.TRACE: r"# tracer: |.{0,40}\[\d{3,}\] .{0,24}\d+\.\d+: (?:rust_)?binder_",
}
_SHAPE = re.compile("|".join(f"(?P<{kind.name}>{pattern})" for kind, pattern in _SHAPES.items()))
_BY_NAME = {kind.name: kind for kind in _SHAPES}


def shape(line: str) -> Kind | Part | None:
    """What a line is by itself; None for a line that could be anything."""
    match = _SHAPE.match(line)
    return _BY_NAME[match.lastgroup] if match and match.lastgroup else None


CONTINUES: dict[Kind, re.Pattern[str]] = {
    Kind.SERVICE_LIST: re.compile(r"\s*\d+\t\S|  \S+(?: \(skipped\))?\s*$"),
    Kind.REPLY: re.compile(r"\s*(?:0x[0-9a-f]{8}: |Object #|[0-9a-f]{8} )|.*'\)\s*$"),
    Kind.MAPS: re.compile(r"\s*\w+: +\d+ kB|(?:VmFlags|THPeligible|ProtectionKey):"),
    Kind.DEVICES: re.compile(rf"\S.*\s(?:{'|'.join(listing.STATES)})\b"),
    Kind.TRACE: re.compile(r"#|.{0,40}\[\d{3,}\] |\s*cpus=\d|CPU:?\d+ "),
}
"""How the further lines of these kinds look: what does not is not theirs. Every other kind keeps what it does
not understand."""
