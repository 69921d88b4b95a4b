from __future__ import annotations

from harness.kernel.tracing.binder_transactions import End, Hop
from harness.kernel.tracing.events import TraceEvent, parse_trace
from harness.recording.threads import Threads
from tests.support.fake_files import FakeFiles

RUNNING = {
    "/proc/20/status": "Name:\tcmd\nTgid:\t20\n",
    "/proc/20/cmdline": "/system/bin/cmd\0activity\0",
    "/proc/21/status": "Name:\tworker\nTgid:\t20\n",
    "/proc/2/status": "Name:\tkthreadd\nTgid:\t2\n",
    "/proc/2/cmdline": "",
}


def event(text: str) -> TraceEvent:
    (made,) = parse_trace(f" sh-70 (  70) [000] ..... 1.000000: {text}\n").events
    return made


def hop(thread: int) -> Hop:
    return Hop(
        number=1,
        sender=End(None, thread, "thread"),
        receiver=End(2, None),
        node=1,
        code=1,
        reply=False,
        one_way=False,
        sent=1.0,
    )


def test_what_runs_is_read_from_proc() -> None:
    named = Threads(FakeFiles(RUNNING)).named(hop(21))
    assert (named.sender, named.receiver) == (End(20, 21, "cmd"), End(2, None, "kthreadd"))


def test_what_has_ended_is_known_from_the_trace() -> None:
    threads = Threads(FakeFiles())
    for text in (
        "task_newtask: pid=80 comm=sh clone_flags=1200000 oom_score_adj=0",
        "sched_process_exec: filename=/system/bin/service pid=80 old_pid=80",
    ):
        threads.take(event(text))
    assert threads.named(hop(80)).sender == End(80, 80, "service")
    assert threads.named(hop(81)).sender == End(None, 81, "thread")


def test_a_new_thread_belongs_to_the_process_of_the_one_that_made_it() -> None:
    threads = Threads(FakeFiles({"/proc/70/status": "Name:\tsh\nTgid:\t69\n"}))
    made = event("task_newtask: pid=90 comm=pool clone_flags=3d0f00 oom_score_adj=0")
    made.fields["clone_flags"] = 0x3D0F00  # in a record it is a number
    threads.take(made)
    assert threads.process_of(90) == 69


def test_a_process_that_gets_another_name_is_looked_up_again() -> None:
    files = FakeFiles(dict(RUNNING))
    threads = Threads(files)
    assert threads.name_of(20) == "cmd"
    files.contents["/proc/20/cmdline"] = b"com.example.app\0"
    assert threads.name_of(20) == "cmd"
    threads.take(event("task_rename: pid=20 oldcomm=cmd newcomm=com.example.app oom_score_adj=0"))
    assert threads.name_of(20) == "com.example.app"
