"""System call numbers by architecture, so that experiments use names and run on all of them."""

from __future__ import annotations

from enum import Enum

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError

AT_FDCWD = -100
"""The current directory, as a directory descriptor (include/uapi/linux/fcntl.h)."""


class SyscallNumber(Enum):
    """A Linux system call by the kernel's name: its number on x86_64, and on aarch64 (None: not there).

    Sources: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h.
    """

    # Descriptors and files
    read = 0, 63
    write = 1, 64
    readv = 19, 65
    writev = 20, 66
    pread64 = 17, 67
    pwrite64 = 18, 68
    close = 3, 57
    openat = 257, 56
    lseek = 8, 62
    ioctl = 16, 29
    fcntl = 72, 25
    dup = 32, 23
    dup3 = 292, 24
    pipe2 = 293, 59
    ftruncate = 77, 46
    fallocate = 285, 47
    fsync = 74, 82
    sync = 162, 81
    splice = 275, 76
    tee = 276, 77
    vmsplice = 278, 75
    sendfile = 40, 71
    statx = 332, 291
    newfstatat = 262, 79
    fstat = 5, 80
    faccessat = 269, 48
    readlinkat = 267, 78
    getdents64 = 217, 61
    mkdirat = 258, 34
    unlinkat = 263, 35
    symlinkat = 266, 36
    renameat2 = 316, 276
    mknodat = 259, 33
    fchmodat = 268, 53
    fchownat = 260, 54
    utimensat = 280, 88
    flock = 73, 32
    mount = 165, 40
    umount2 = 166, 39
    chdir = 80, 49
    chroot = 161, 51
    umask = 95, 166

    # Waiting
    ppoll = 271, 73
    pselect6 = 270, 72
    epoll_create1 = 291, 20
    epoll_ctl = 233, 21
    epoll_pwait = 281, 22
    eventfd2 = 290, 19
    signalfd4 = 289, 74
    timerfd_create = 283, 85
    timerfd_settime = 286, 86
    inotify_init1 = 294, 26
    inotify_add_watch = 254, 27
    inotify_rm_watch = 255, 28
    futex = 202, 98
    nanosleep = 35, 101
    clock_nanosleep = 230, 115
    clock_gettime = 228, 113

    # Memory
    mmap = 9, 222
    munmap = 11, 215
    mprotect = 10, 226
    mremap = 25, 216
    madvise = 28, 233
    mincore = 27, 232
    msync = 26, 227
    mlock = 149, 228
    munlock = 150, 229
    memfd_create = 319, 279
    process_vm_readv = 310, 270
    process_vm_writev = 311, 271

    # Other ways to communicate
    socket = 41, 198
    socketpair = 53, 199
    bind = 49, 200
    listen = 50, 201
    accept4 = 288, 242
    connect = 42, 203
    setsockopt = 54, 208
    getsockopt = 55, 209
    shutdown = 48, 210
    sendto = 44, 206
    recvfrom = 45, 207
    sendmsg = 46, 211
    recvmsg = 47, 212
    msgget = 68, 186
    msgsnd = 69, 189
    msgrcv = 70, 188
    msgctl = 71, 187
    semget = 64, 190
    semop = 65, 193
    semctl = 66, 191
    shmget = 29, 194
    shmat = 30, 196
    shmdt = 67, 197
    shmctl = 31, 195
    mq_open = 240, 180
    mq_unlink = 241, 181
    mq_timedsend = 242, 182
    mq_timedreceive = 243, 183

    # Processes and threads
    getpid = 39, 172
    gettid = 186, 178
    getppid = 110, 173
    getuid = 102, 174
    geteuid = 107, 175
    getgid = 104, 176
    getegid = 108, 177
    getresuid = 118, 148
    getresgid = 120, 150
    setresuid = 117, 147
    setresgid = 119, 149
    setgroups = 116, 159
    capget = 125, 90
    capset = 126, 91
    prctl = 157, 167
    personality = 135, 92
    unshare = 272, 97
    setns = 308, 268
    setsid = 112, 157
    setpgid = 109, 154
    kill = 62, 129
    tkill = 200, 130
    tgkill = 234, 131
    rt_sigaction = 13, 134
    rt_sigreturn = 15, 139
    rt_sigprocmask = 14, 135
    rt_sigtimedwait = 128, 137
    pidfd_open = 434, 434
    pidfd_getfd = 438, 438
    pidfd_send_signal = 424, 424
    wait4 = 61, 260
    waitid = 247, 95
    execve = 59, 221
    exit = 60, 93
    exit_group = 231, 94
    prlimit64 = 302, 261
    close_range = 436, 436
    getrusage = 98, 165
    sched_setaffinity = 203, 122
    sched_getaffinity = 204, 123
    sched_setscheduler = 144, 119
    sched_getscheduler = 145, 120
    sched_setattr = 314, 274
    sched_getattr = 315, 275
    sched_yield = 24, 124
    setpriority = 141, 140
    getpriority = 140, 141

    # The system
    uname = 63, 160
    sysinfo = 99, 179
    getcpu = 309, 168
    getrandom = 318, 278
    perf_event_open = 298, 241
    seccomp = 317, 277
    reboot = 169, 142

    # Superseded by the calls above on newer architectures
    open = 2, None
    stat = 4, None
    access = 21, None
    unlink = 87, None
    mkdir = 83, None
    readlink = 89, None
    pipe = 22, None
    poll = 7, None
    pause = 34, None

    def __init__(self, x86_64: int, aarch64: int | None) -> None:
        self._numbers = {X86_64: x86_64, AARCH64: aarch64}

    @classmethod
    def named(cls, name: str) -> SyscallNumber:
        """The call with this name; raises UsageError if this table lacks it."""
        try:
            return cls[name]
        except KeyError:
            raise UsageError(
                f"unknown system call {name!r}: harness.agent.syscalls.SyscallNumber lists the known ones"
            ) from None

    def number(self, architecture: Architecture) -> int:
        """The number; raises UsageError if the architecture has no such call."""
        number = self._numbers[architecture]
        if number is None:
            raise UsageError(
                f"{architecture} has no system call {self.name}; use its successor, as openat for open"
            )
        return number


NON_BLOCKING = frozenset(
    SyscallNumber[name]
    for name in (
        *("close", "dup", "dup3", "lseek", "fstat", "newfstatat"),
        *("statx", "faccessat", "readlinkat", "clock_gettime", "memfd_create"),
        *("mmap", "munmap", "mprotect", "mremap", "madvise", "mincore"),
        *("getpid", "gettid", "getppid", "uname", "sysinfo", "getcpu"),
        *("getuid", "geteuid", "getgid", "getegid", "getresuid"),
        *("getresgid", "prlimit64", "rt_sigaction", "rt_sigprocmask"),
    )
)
"""System calls that never wait for what another thread or process does."""
