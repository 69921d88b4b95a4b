"""Which process a thread belongs to and what it is called: from the trace, and from /proc while it runs."""

from __future__ import annotations

from dataclasses import replace

from harness.kernel.files import Files
from harness.kernel.proc.process import ProcessFiles
from harness.kernel.tracing.binder_transactions import End, Hop
from harness.kernel.tracing.events import TraceEvent

EVENTS = {"sched": ("sched_process_exec",), "task": ("task_newtask", "task_rename")}
"""By group, the events by which a trace shows processes that end before /proc can be read."""
CLONE_THREAD = 0x10000
"""In clone_flags: the new task is a thread of the same process (include/uapi/linux/sched.h)."""
MOST = 50_000
"""Threads that are remembered, the latest ones."""


class Threads:
    """The threads that a trace has shown, by id."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._processes: dict[int, int | None] = {}
        self._names: dict[int, str] = {}
        """By process."""

    def take(self, event: TraceEvent) -> None:
        """Take one event into account; others are skipped."""
        number = event.fields.get("pid")
        if not isinstance(number, int):
            return
        if event.name == "sched_process_exec":
            self._processes[number] = number
            self._names[number] = str(event.fields.get("filename", "")).rpartition("/")[2]
        elif event.name == "task_newtask":
            thread = bool(int(event.fields.get("clone_flags", 0)) & CLONE_THREAD)
            self._remember(number, self.process_of(event.tid) if thread else number)
            if not thread:
                self._names[number] = str(event.fields.get("comm", ""))
        elif event.name == "task_rename":
            self._names.pop(number, None)  # as when an app's process gets its name

    def named(self, hop: Hop) -> Hop:
        """The hop with the processes of its ends and their names, as far as they are known."""
        return replace(hop, sender=self._named(hop.sender), receiver=self._named(hop.receiver))

    def process_of(self, thread: int) -> int | None:
        """The process of a thread; None if it has ended and the trace does not show it."""
        if thread not in self._processes:
            try:
                process = int(ProcessFiles(self._files, thread).status.fields["Tgid"])
            except (OSError, KeyError, ValueError):
                self._remember(thread, None)
            else:
                self._remember(thread, process)
        return self._processes[thread]

    def name_of(self, process: int) -> str:
        """The name of a process's program; its thread's, which is cut to 15 characters, where that is all."""
        if process not in self._names:
            files = ProcessFiles(self._files, process)
            try:
                self._names[process] = files.program or files.status.fields["Name"]
            except (OSError, KeyError):
                self._names[process] = ""
        return self._names[process]

    def _named(self, end: End) -> End:
        process = end.process
        if process is None and end.thread is not None:
            process = self.process_of(end.thread)
        name = "" if process is None else self.name_of(process)
        return replace(end, process=process, name=name or end.name)

    def _remember(self, thread: int, process: int | None) -> None:
        while len(self._processes) >= MOST:
            oldest = next(iter(self._processes))
            del self._processes[oldest]
            self._names.pop(oldest, None)
        self._processes[thread] = process
