/* Forks children that live no longer than the agent. */
#include "fork.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "threads.h"

/*
 * The child leaves its results in memory shared with the parent: a pipe would take descriptors that the batch
 * would see, and a copy of its writing end in some other child would hide that this child died.
 */
struct shared {
    _Atomic uint32_t done; /* a futex: 1 once the results are complete */
    struct results results;
};

/* Set before and after the batch: the kernel clears it when a process changes its user id. */
static void die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent && getppid() != 0) /* 0: the parent is outside of the child's pid namespace */
        _exit(0);
}

static _Noreturn void run_child(pid_t parent, const struct frame *frame, struct shared *shared)
{
    die_with_parent(parent);
    /* The frames belong to the parent alone. */
    dup2(STDERR_FILENO, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    batch_run(frame, &shared->results);
    die_with_parent(parent);
    atomic_store(&shared->done, 1);
    syscall(SYS_futex, &shared->done, FUTEX_WAKE, 1, NULL, NULL, 0);
    for (;;)
        pause();
}

/* Returns when the results are complete, or the child is dead: then with its status. */
static int await_child(pid_t child, struct shared *shared)
{
    const struct timespec tick = {.tv_nsec = 10 * 1000 * 1000}; /* the most by which noticing a death is late */
    int status = 0;
    while (!atomic_load(&shared->done) && waitpid(child, &status, WNOHANG) == 0) {
        long woken = syscall(SYS_futex, &shared->done, FUTEX_WAIT, 0, &tick, NULL, 0);
        if (woken == -1 && errno == EINTR)
            kill(child, INTERRUPT_SIGNAL); /* the host's, meant for the call that the child is blocked in */
    }
    return status;
}

void fork_serve(const struct frame *frame)
{
    size_t size = sizeof(struct shared) + frame->results_size;
    struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        struct results failure;
        batch_begin(frame, &failure);
        failure.child = -errno;
        send_frame(&failure.header);
        return;
    }
    batch_begin(frame, &shared->results);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        run_child(parent, frame, shared);
    if (child < 0) {
        shared->results.child = -errno;
    } else {
        shared->results.child_status = (uint32_t)await_child(child, shared);
        shared->results.child = child;
    }
    send_frame(&shared->results.header);
    munmap(shared, size);
}
