"""Names of processes and threads, and who is frozen, from wherever a dump shows them.

Forms: toybox's and toolbox's ps, ProcessRecord.toString, CachedAppOptimizer.dump (frameworks/base), the
headings of dumpstate's SHOW MAP and of ART's stack traces (art/runtime/signal_catcher.cc).
"""

from __future__ import annotations

import re

from harness.kernel.concise import counted

_PS_HEADER = re.compile(r"\s*(?:LABEL\s+)?(?:USER|UID|PID)\s.*\b(?:NAME|CMD|COMMAND|ARGS)\s*")
_PROCESS_RECORD = re.compile(r"ProcessRecord\{[0-9a-f]+ (\d+):([^/\s}]+)/")
_SHOW_MAP = re.compile(r"------ SHOW MAP (\d+) \((\S+).*\) ------\s*")
_TRACE_OF = re.compile(r"----- pid (\d+) at .*")
_COMMAND_LINE = re.compile(r"Cmd ?line: (\S+).*")
_STACK = re.compile(r'"(?P<name>[^"]+)" (?:daemon )?prio=.*')
_STACK_THREAD = re.compile(r"\s*\| sysTid=(\d+) .*")
_IN_LOGS = (
    re.compile(r"\bStart proc (?P<pid>\d+):(?P<name>[^/\s]+)/"),
    re.compile(r"\bProcess: (?P<name>\S+), PID: (?P<pid>\d+)"),
    re.compile(r"\bpid: (?P<pid>\d+), tid: \d+, name: .*>>> (?P<name>\S+) <<<"),
)
"""ProcessList, RuntimeInit (frameworks/base) and debuggerd (system/core/debuggerd) in a log."""
_FROZEN_HEADING = re.compile(r"\s*Apps frozen: \d+\s*")
_FROZEN = re.compile(r"\s+\d+: (?P<pid>\d+) (?P<name>\S+).*")
_FREEZER = ("do_freezer", "__refrigera", "refrigerator")
"""Where a frozen thread waits in the kernel; ps cuts the name."""
_MOST = 100_000


class ProcessNames:
    """Names of processes and threads, collected line by line; the fullest name of a process wins."""

    def __init__(self) -> None:
        self.processes: dict[int, str] = {}
        self.threads: dict[int, str] = {}
        self.frozen: dict[int, str] = {}
        """Frozen processes, each with where that was seen."""
        self._of_logs: set[int] = set()
        """Processes whose names are of a log: any that runs now may have another."""
        self._columns: list[str] | None = None
        self._stack_of: int | None = None
        self._stack_name = ""
        self.expects_frozen = False
        """Whether the next lines are the activity manager's list of frozen processes."""

    def __repr__(self) -> str:
        processes, threads = counted(len(self.processes), "process"), counted(len(self.threads), "thread")
        return f"<ProcessNames of {processes}, {threads}>"

    def name_process(self, pid: int, name: str) -> None:
        """Note the name of a process, unless a fuller one is known."""
        before = "" if pid in self._of_logs else self.processes.get(pid, "")
        if name and len(name) > len(before) and len(self.processes) < _MOST:
            self.processes[pid] = name
            self._of_logs.discard(pid)

    def name_thread(self, tid: int, name: str) -> None:
        """Note the name of a thread."""
        if len(self.threads) < _MOST:
            self.threads[tid] = name

    def title(self, pid: int) -> str:
        """Such as `system_server (1782)`; `process 1782` without a name."""
        name = self.processes.get(pid)
        return f"{name} ({pid})" if name else f"process {pid}"

    def take(self, line: str) -> bool:
        """Learn from one line of a dump; whether it showed anything."""
        if "ProcessRecord{" in line:
            for pid, name in _PROCESS_RECORD.findall(line):
                self.name_process(int(pid), name)
            return True
        if self.expects_frozen:
            if match := _FROZEN.fullmatch(line):
                self.name_process(int(match["pid"]), match["name"])
                self.frozen[int(match["pid"])] = "the activity manager's list `Apps frozen`"
                return True
            self.expects_frozen = False
        if "Apps frozen:" in line and _FROZEN_HEADING.fullmatch(line):
            self.expects_frozen = True
            return True
        if line.startswith("------ SHOW MAP") and (match := _SHOW_MAP.fullmatch(line)):
            self.name_process(int(match[1]), match[2])
            return True
        return self._take_stack(line) or self._take_log(line)

    def is_ps_header(self, line: str) -> bool:
        """Whether the line is the heading of ps, whose rows `take_ps` reads."""
        if not _PS_HEADER.fullmatch(line) or "PID" not in line.split():
            return False
        self._columns = line.split()
        return True

    def take_ps(self, line: str) -> bool:
        """Learn from a row of ps below its heading; whether it was one."""
        columns = self._columns
        words = line.split()
        if columns is None or len(words) < len(columns):
            return False
        row = dict(zip(columns[:-1], words, strict=False))
        if not row["PID"].isdecimal():
            return False
        pid = int(row["PID"])
        # toolbox's ps prints the state in a column without heading before the name.
        name = (
            words[-1] if columns[-1] == "NAME" and "S" not in columns else " ".join(words[len(columns) - 1 :])
        )
        name = name.split(" ")[0] if columns[-1] == "ARGS" else name
        tid = int(row["TID"]) if row.get("TID", "").isdecimal() else pid
        if tid == pid:
            self.name_process(pid, name)
        self.name_thread(tid, name)
        if row.get("WCHAN", "").startswith(_FREEZER):
            self.frozen.setdefault(pid, "ps: it waits in the kernel's freezer")
        return True

    def _take_log(self, line: str) -> bool:
        """Learn from a line of a log, whose last word on a process counts if nothing else names it."""
        if "roc" not in line and ">>>" not in line:
            return False
        match = next((found for form in _IN_LOGS if (found := form.search(line))), None)
        if match is None:
            return False
        pid = int(match["pid"])
        if (pid in self._of_logs or pid not in self.processes) and len(self.processes) < _MOST:
            self.processes[pid] = match["name"]
            self._of_logs.add(pid)
        return True

    def _take_stack(self, line: str) -> bool:
        if line.startswith("----- pid ") and (match := _TRACE_OF.fullmatch(line)):
            self._stack_of = int(match[1])
            return True
        if self._stack_of and line.startswith("Cmd") and (match := _COMMAND_LINE.fullmatch(line)):
            self.name_process(self._stack_of, match[1])
            return True
        if line.startswith('"') and (match := _STACK.fullmatch(line)):
            self._stack_name = match["name"]
            return True
        if self._stack_name and "sysTid=" in line and (match := _STACK_THREAD.fullmatch(line)):
            self.name_thread(int(match[1]), self._stack_name)
            self._stack_name = ""
            return True
        if line.startswith("----- end "):
            self._stack_of = None
        return False
