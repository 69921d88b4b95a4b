"""Recording a kernel's trace, against a trace file system in memory that answers as the kernel does."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.kernel.tracing.events import TraceEvent, parse_fields, parse_trace
from harness.kernel.tracing.kprobes import Argument, Kprobe, Kretprobe
from harness.kernel.tracing.recording import Lost
from harness.kernel.tracing.tracefs import ProbeRefusedError, TracingMissingError
from harness.kernel.tracing.tracer import PREFIX, Tracer
from tests.support.fake_files import FakeFiles

ROOT = "/sys/kernel/tracing"
INSTANCE_FILES = (
    "tracing_on",
    "trace_clock",
    "buffer_size_kb",
    "set_event_pid",
    "trace",
    "events/enable",
    "options/event-fork",
    "options/record-tgid",
    "per_cpu/cpu0/stats",
    "per_cpu/cpu1/stats",
)
EVENTS = ("binder/binder_ioctl", "binder/binder_transaction")
LINE = "          server-501   [001] .....    12.000345: binder_ioctl: cmd=0xc0306201 arg=0x7ffd\n"
COPY = "binder_alloc_copy_user_to_buffer"


@dataclass(frozen=True)
class Rules:
    """What the kernel behind a fake trace file system accepts."""

    functions: frozenset[str] = frozenset({COPY, "binder_transaction"})
    btf: bool = True
    argn: bool = True
    registers: frozenset[str] = frozenset({"di", "si", "dx", "cx", "r8", "r9"})

    def accepts(self, definition: str) -> bool:
        _, symbol, *arguments = definition.split()
        if symbol.rpartition(":")[2] not in self.functions:
            return False
        return all(self._accepts_source(argument.partition("=")[2]) for argument in arguments)

    def _accepts_source(self, source: str) -> bool:
        if register := re.search(r"%(\w+)", source):
            return register[1] in self.registers
        if "$arg" in source:
            return self.argn
        return self.btf or source.startswith("$retval")


class FakeTracefs(FakeFiles):
    """Kprobe events and instances as kernel/trace/trace_kprobe.c and trace.c make and remove them."""

    def __init__(self, rules: Rules | None = None, location: str = ROOT) -> None:
        names = ("trace", "kprobe_events", "kprobe_profile", "error_log", "instances/theirs/trace")
        super().__init__({f"{location}/{name}": "" for name in names})
        self.rules = rules or Rules()
        self.location = location
        self.definitions: list[str] = ["p:theirs/open do_sys_open"]
        self.written: list[tuple[str, str]] = []
        self.recorded = LINE
        for event in EVENTS:
            self._add(f"{location}/events/{event}/enable", "0")
        self._add(f"{location}/events/binder/enable", "0")
        self._show_definitions()

    def write_text(self, path: str, text: str, *, append: bool = False) -> None:
        self.written.append((path, text))
        if path == f"{self.location}/kprobe_events":
            assert append, "truncating kprobe_events removes everybody's probes"
            self._define(text.strip())
        else:
            super().write_text(path, text, append=append)
        if path.endswith("/tracing_on") and text == "1\n":
            self._add(path.replace("tracing_on", "trace"), self.recorded)

    def make_directory(self, path: str) -> None:
        super().make_directory(path)
        groups = [re.sub(r"\w+:(\S+) .*", r"\1", definition) for definition in self.definitions]
        for name in INSTANCE_FILES:
            self._add(f"{path}/{name}", "")
        for event in (*EVENTS, *groups, "binder"):
            self._add(f"{path}/events/{event}/enable", "0")
        self._add(f"{path}/per_cpu/cpu0/stats", "entries: 1\noverrun: 3\ncommit overrun: 1\nbytes: 4\n")
        self._add(
            f"{path}/per_cpu/cpu1/stats", "entries: 1\noverrun: 4\ncommit overrun: 0\ndropped events: 2\n"
        )

    def remove_directory(self, path: str) -> None:
        for each in [each for each in self.contents if each.startswith(f"{path}/")]:
            del self.contents[each]
        self.directories = {
            each for each in self.directories if each != path and not each.startswith(f"{path}/")
        }

    @property
    def ours(self) -> list[str]:
        """What of ours is there: instances and probes."""
        instances = [name for name in self.list_directory(f"{self.location}/instances") if name != "theirs"]
        return instances + [definition for definition in self.definitions if "theirs" not in definition]

    def _add(self, path: str, content: str) -> None:
        added = FakeFiles({path: content})
        self.contents |= added.contents
        self.directories |= added.directories

    def _define(self, text: str) -> None:
        if text.startswith("-:"):
            event = text.removeprefix("-:")
            used = [
                path
                for path, on in self.contents.items()
                if path.endswith(f"/{event}/enable") and on == b"1\n"
            ]
            if used:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            self.definitions = [
                each for each in self.definitions if each.split()[0].partition(":")[2] != event
            ]
        elif self.rules.accepts(text):
            self.definitions.append(text)
        else:
            log = self.contents[f"{self.location}/error_log"].decode()
            log += "[   12.345678] trace_kprobe: error: Invalid probed address or symbol\n"
            log += f"  Command: {text}\n            ^\n"
            self._add(f"{self.location}/error_log", log)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._show_definitions()

    def _show_definitions(self) -> None:
        self._add(f"{self.location}/kprobe_events", "".join(f"{each}\n" for each in self.definitions))
        profile = [f"  {each.split()[0].rpartition('/')[2]:<44} 5 2\n" for each in self.definitions]
        self._add(f"{self.location}/kprobe_profile", "".join(profile))


BYTES = Argument("bytes", position=5)


def test_a_recording_outlives_its_instance_and_leaves_nothing() -> None:
    files = FakeTracefs()
    with Tracer(files).record(events=["binder:binder_ioctl"], kprobes=[Kprobe(COPY, (BYTES,))]) as recording:
        assert [event.name for event in recording.events()] == ["binder_ioctl"]
        assert len(files.ours) == 2
    (event,) = recording.events("binder_ioctl")
    assert recording.events("binder_return") == ()
    assert event.fields["cmd"] == 0xC0306201
    assert recording.lost == Lost(overwritten=7, dropped=3, missed_hits=2)
    assert recording.lost
    assert files.ours == []
    assert files.definitions == ["p:theirs/open do_sys_open"]


def test_what_is_written_before_the_recording_starts() -> None:
    files = FakeTracefs()
    files._add("/proc/500/task/500/comm", "")
    files._add("/proc/500/task/512/comm", "")
    with Tracer(files).record(events=["binder"], kprobes=[Kretprobe(COPY)], pids=[500], buffer_kib=64):
        pass
    (name,) = {path.split("/")[5] for path, _ in files.written if "/instances/" in path}
    instance = f"{ROOT}/instances/{name}"
    started = files.written.index((f"{instance}/tracing_on", "1\n"))
    assert set(files.written[:started]) == {
        (f"{ROOT}/kprobe_events", f"r:{name}/{COPY}_return {COPY} result=$retval:s64\n"),
        (f"{instance}/tracing_on", "0\n"),
        (f"{instance}/trace_clock", "mono\n"),
        (f"{instance}/buffer_size_kb", "64\n"),
        (f"{instance}/options/record-tgid", "1\n"),
        (f"{instance}/options/event-fork", "1\n"),
        (f"{instance}/set_event_pid", "500 512\n"),
        (f"{instance}/events/binder/enable", "1\n"),
        (f"{instance}/events/{name}/{COPY}_return/enable", "1\n"),
    }
    untouched = {path for path, _ in files.written} - {f"{ROOT}/kprobe_events"}
    assert all(path.startswith(f"{instance}/") for path in untouched)


def test_everything_is_restored_when_the_block_raises() -> None:
    files = FakeTracefs()
    with pytest.raises(ZeroDivisionError), Tracer(files).record(kprobes=[Kprobe(COPY)]):
        _ = 1 // 0
    assert files.ours == []


def test_everything_is_restored_when_the_recording_cannot_start() -> None:
    files = FakeTracefs()
    with (
        pytest.raises(UsageError, match="no event binder:odd; it has binder:binder_ioctl, binder:binder_tr"),
        Tracer(files).record(events=["binder:odd"], kprobes=[Kprobe(COPY)]),
    ):
        pytest.fail("an unknown event was recorded")
    assert files.ours == []


def test_what_a_killed_run_left_is_removed_and_nothing_else() -> None:
    files = FakeTracefs()
    files.definitions.append(f"p:{PREFIX}0badcafe_1/x {COPY}")
    files.make_directory(f"{ROOT}/instances/{PREFIX}0badcafe_1")
    files._add(f"{ROOT}/instances/{PREFIX}0badcafe_1/events/enable", "1\n")
    tracing, another = Tracer(files), Tracer(files)
    with tracing.record(kprobes=[Kprobe(COPY)]), another.record(kprobes=[Kprobe(COPY)]):
        assert len([each for each in files.ours if "0badcafe" in each]) == 0
        assert len(files.ours) == 4
    assert files.list_directory(f"{ROOT}/instances") == ["theirs"]
    assert files.definitions == ["p:theirs/open do_sys_open"]


def test_what_another_run_records_at_the_same_time_stays() -> None:
    """A name has the process on the device that lives with the run: 700 is ours, 800 another's."""
    files = FakeTracefs()
    files.links["/proc/self"] = "700"
    for process, name in ((700, "syscall_agent"), (800, "syscall_agent"), (900, "reused")):
        files._add(f"/proc/{process}/comm", f"{name}\n")
    for process in (800, 801, 900):
        name = f"{PREFIX}{process}_0badcafe_1"
        files.definitions.append(f"p:{name}/x {COPY}")
        files.make_directory(f"{ROOT}/instances/{name}")
        files._add(f"{ROOT}/instances/{name}/events/enable", "1\n")
    files._show_definitions()
    with Tracer(files).record(kprobes=[Kprobe(COPY)]):
        assert any(name.startswith(f"{PREFIX}700_") for name in files.list_directory(f"{ROOT}/instances"))
    assert files.list_directory(f"{ROOT}/instances") == [f"{PREFIX}800_0badcafe_1", "theirs"]
    assert [each for each in files.definitions if "theirs" not in each] == [
        f"p:{PREFIX}800_0badcafe_1/x {COPY}"
    ]


def test_what_can_be_probed_is_found_by_trying() -> None:
    files = FakeTracefs(Rules(btf=False, argn=False))
    tracing = Tracer(files)
    assert tracing.can_probe(COPY)
    assert tracing.can_probe(Kprobe(COPY, (BYTES,)))
    assert not tracing.can_probe("binder_install_single_page")
    assert not tracing.can_probe(Kprobe(COPY, (Argument("bytes"),)))
    assert files.ours == []


def test_nothing_can_be_probed_without_tracing() -> None:
    assert not Tracer(FakeFiles()).can_probe(COPY)


def test_a_kernel_without_kprobes() -> None:
    files = FakeTracefs()
    del files.contents[f"{ROOT}/kprobe_events"]
    tracing = Tracer(files)
    with (
        pytest.raises(TracingMissingError, match="CONFIG_KPROBE_EVENTS"),
        tracing.record(kprobes=[Kprobe(COPY)]),
    ):
        pytest.fail("a probe was recorded")
    with tracing.record(events=["binder:binder_ioctl"]) as recording:
        pass
    assert len(recording.events()) == 1


@pytest.mark.parametrize(
    ("rules", "source"),
    [
        (Rules(), "bytes=bytes:u64"),
        (Rules(btf=False), "bytes=$arg5:u64"),
        (Rules(btf=False, argn=False), "bytes=%r8:u64"),
        (Rules(btf=False, argn=False, registers=frozenset({"x4"})), "bytes=%x4:u64"),
    ],
)
def test_a_parameter_is_fetched_in_the_first_way_the_kernel_accepts(rules: Rules, source: str) -> None:
    files = FakeTracefs(rules)
    with Tracer(files).record(kprobes=[Kprobe(COPY, (BYTES,))]):
        assert files.definitions[-1].endswith(f"/{COPY}_entry {COPY} {source}")


def test_a_member_of_a_structure() -> None:
    probe = Kprobe(
        "binder_transaction", (Argument("tr", 3, member="data_size", offset=32), Argument("reply"))
    )
    first, second, *registers = probe.definitions("g")
    assert first == (
        "p:g/binder_transaction_entry binder_transaction data_size=tr->data_size:u64 reply=reply:u64"
    )
    assert second.endswith("data_size=+32($arg3):u64 reply=reply:u64")
    assert [definition.split()[2] for definition in registers] == [
        "data_size=+32(%dx):u64",
        "data_size=+32(%x2):u64",
    ]


def test_what_an_address_points_to_in_the_process_s_memory() -> None:
    word = Argument(
        "tr", 3, type="x64", member="data.ptr.buffer", offset=48, user_offsets=(8,), label="second"
    )
    by_name, by_number, *_ = Kprobe("binder_transaction", (word,)).definitions("g")
    assert by_name.endswith(" second=+u8(tr->data.ptr.buffer):x64")
    assert by_number.endswith(" second=+u8(+48($arg3)):x64")


def test_definitions_that_need_no_choice() -> None:
    probe = Kprobe("f.part.0", module="binder_linux")
    assert list(probe.definitions("g")) == ["p:g/f_part_0_entry binder_linux:f.part.0"]
    returns = Kretprobe("f", type="x64", name="mine", most_at_once=64)
    assert list(returns.definitions("g")) == ["r64:g/mine f result=$retval:x64"]


def test_a_refusal_quotes_the_kernel() -> None:
    with (
        pytest.raises(ProbeRefusedError) as caught,
        Tracer(FakeTracefs()).record(kprobes=[Kprobe("nowhere")]),
    ):
        pytest.fail("a function that is not there was probed")
    assert "trace_kprobe: error: Invalid probed address or symbol" in str(caught.value)
    assert "nowhere_entry nowhere" in str(caught.value)


def test_a_refusal_by_a_kernel_without_an_error_log() -> None:
    files = FakeTracefs()
    files.errors[f"{ROOT}/error_log"] = errno.ENOENT
    with (
        pytest.raises(ProbeRefusedError, match="Invalid argument"),
        Tracer(files).record(kprobes=[Kprobe("no")]),
    ):
        pytest.fail("a function that is not there was probed")


def test_tracing_below_debugfs() -> None:
    files = FakeTracefs(location="/sys/kernel/debug/tracing")
    files._add(f"{ROOT}/placeholder", "")
    tracing = Tracer(files)
    assert tracing.location == "/sys/kernel/debug/tracing"
    assert tracing.events("binder") == ("binder:binder_ioctl", "binder:binder_transaction")
    assert tracing.events("odd") == ()


def test_a_kernel_that_cannot_be_traced() -> None:
    files = FakeFiles(errors={ROOT: errno.EACCES})
    with pytest.raises(TracingMissingError) as caught:
        Tracer(files).events("binder")
    assert f"{ROOT}: Permission denied" in str(caught.value)
    assert "/sys/kernel/debug/tracing: No such file" in str(caught.value)


def test_a_kernel_that_only_root_may_trace() -> None:
    files = FakeTracefs()
    files.errors[f"{ROOT}/instances"] = errno.EACCES
    refused = pytest.raises(TracingMissingError, match=r"instances: Permission denied\. Tracing needs root")
    with refused:
        Tracer(files).tried()
    with refused, Tracer(files).record(events=["binder:binder_ioctl"]):
        pass
    assert not Tracer(files).can_probe(COPY)


HEADING = "# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "         <idle>-0 [000] d..2.   61.000001: sched_switch: prev_comm=swapper/0 ==> next_comm=a b",
            TraceEvent(
                61.000001,
                0,
                "<idle>",
                0,
                None,
                "sched_switch",
                {"prev_comm": "swapper/0", "next_comm": "a b"},
                "prev_comm=swapper/0 ==> next_comm=a b",
            ),
        ),
        (
            " kworker/0:1-e [3-12      (    900) [013] d..1 99.5: binder_return: cmd=0x720c BR_NOOP",
            TraceEvent(
                99.5, 13, "kworker/0:1-e [3", 12, 900, "binder_return", {"cmd": 0x720C}, "cmd=0x720c BR_NOOP"
            ),
        ),
        (
            "sh-7 (-------) [000] 12345: f_entry: (f+0x4/0x90 [binder_linux]) bytes=10000 from=0x7f",
            TraceEvent(
                12345.0,
                0,
                "sh",
                7,
                None,
                "f_entry",
                {"bytes": 10000, "from": 0x7F},
                "(f+0x4/0x90 [binder_linux]) bytes=10000 from=0x7f",
            ),
        ),
        (
            "            a-b-5       [001] .n.Zff1 1.000000: f_return: (g+0x1/0x2 <- f) result=-28",
            TraceEvent(1.0, 1, "a-b", 5, None, "f_return", {"result": -28}, "(g+0x1/0x2 <- f) result=-28"),
        ),
        (
            "           adbd-9  [000] ..... 2.000000: sys_openat(dfd: 0xffffff9c, filename: 0x7f, flags: 2)",
            TraceEvent(
                2.0,
                0,
                "adbd",
                9,
                None,
                "sys_enter_openat",
                {"dfd": 0xFFFFFF9C, "filename": 0x7F, "flags": 2},
                "sys_openat(dfd: 0xffffff9c, filename: 0x7f, flags: 2)",
            ),
        ),
        (
            "             adbd-9       [000] ..... 2.000000: sys_openat -> 0x3",
            TraceEvent(2.0, 0, "adbd", 9, None, "sys_exit_openat", {"ret": 3}, "sys_openat -> 0x3"),
        ),
    ],
)
def test_the_forms_of_a_line(line: str, expected: TraceEvent) -> None:
    trace = parse_trace(f"{HEADING}{line}\n")
    assert trace.events == (expected,)
    assert trace.unknown_lines == ()


names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"), max_size=15).filter(
    lambda name: name == name.lstrip()
)


@given(
    task=names | st.sampled_from(["<...>", "a-1 [0] 1.0: x", "-1 [000] ....", "x [1]"]),
    tid=st.integers(0, 1 << 22),
    process=st.none() | st.integers(1, 1 << 22),
    cpu=st.integers(0, 4095),
    flags=st.sampled_from(["", "....", "d..1", "dNh1.", "d.Lh2.1"]),
    microseconds=st.integers(0, 10**12),
    bytes_=st.integers(-(1 << 63), 1 << 64),
)
def test_a_line_is_read_whatever_the_task_is_called(
    task: str, tid: int, process: int | None, cpu: int, flags: str, microseconds: int, bytes_: int
) -> None:
    shown = "" if process is None else f"({process:7}) "
    seconds = f"{microseconds // 10**6:5}.{microseconds % 10**6:06}"
    line = f"{task:>16}-{tid:<7} {shown}[{cpu:03}] {flags} {seconds}: f_entry: (f+0x0/0x1) bytes={bytes_}"
    (event,) = parse_trace(line).events
    assert (event.task, event.tid, event.process, event.cpu) == (task, tid, process, cpu)
    assert event.timestamp == pytest.approx(microseconds / 10**6)
    assert event.fields == {"bytes": bytes_}


@given(st.text())
def test_no_text_makes_the_parser_fail(text: str) -> None:
    trace = parse_trace(text)
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    assert len(trace.events) + len(trace.unknown_lines) == len(lines)


def test_lost_events_are_shown_in_the_trace_too() -> None:
    trace = parse_trace(f"{HEADING}CPU:1 [LOST 12 EVENTS]\n{LINE}")
    assert trace.unknown_lines == ("CPU:1 [LOST 12 EVENTS]",)
    assert len(trace.events) == 1


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("transaction=5 node=3 src_ptr=0x0000000000001000 ==> dest_ref=4", None),
        ('name="a b" next="c"', {"name": "a b", "next": "c"}),
        ("comm=my server pid=5", {"comm": "my server", "pid": 5}),
        ("value=(fault)", {"value": "(fault)"}),
    ],
)
def test_fields(text: str, fields: dict[str, int | str] | None) -> None:
    expected = {"transaction": 5, "node": 3, "src_ptr": 0x1000, "dest_ref": 4} if fields is None else fields
    assert parse_fields(text) == expected
