/*
 * Makes system calls for the host, on the thread that the host chooses, and reads and writes its own memory.
 *
 * It exchanges frames (protocol.h) over standard input and output, listens on nothing, and exits when its input ends.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sysexits.h>
#include <unistd.h>

#include "batch.h"
#include "memory.h"
#include "protocol.h"
#include "threads.h"

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "aarch64"
#else
#error "the host has no system call numbers for this architecture"
#endif

enum { UNCHANGED = -1 };

struct options {
    long long uid, gid, processor;
};

static _Noreturn void show_usage(FILE *stream, int status)
{
    fputs("usage: syscall_agent [--uid NUMBER] [--gid NUMBER] [--processor NUMBER]\n"
          "\n"
          "Runs system calls on behalf of a host that uses the agent's binary protocol over standard\n"
          "input and output, until the input ends.\n"
          "\n"
          "  --uid NUMBER  become this user (real, effective and saved id); drops supplementary groups\n"
          "  --gid NUMBER  become a member of this group alone\n"
          "  --processor NUMBER\n"
          "                run on this processor alone, counted from 0, where it is online\n"
          "  --help        show this text\n",
          stream);
    exit(status);
}

static long long parse_number(const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0 || number >= UINT32_MAX) {
        fprintf(stderr, "syscall_agent: %s is not a number\n", text);
        show_usage(stderr, EX_USAGE);
    }
    return number;
}

static void check(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "syscall_agent: %s: %s\n", what, strerror(errno));
        exit(EX_NOPERM);
    }
}

static void become(long long uid, long long gid)
{
    if (uid == UNCHANGED && gid == UNCHANGED)
        return;
    check(setgroups(0, NULL), "dropping supplementary groups");
    if (gid != UNCHANGED)
        check(setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid), "changing the group id");
    if (uid != UNCHANGED)
        check(setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid), "changing the user id");
}

static void stay_on(long long processor)
{
    if (processor == UNCHANGED)
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)processor, &one);
    sched_setaffinity(0, sizeof one, &one); /* fails where it is absent or offline: then any other will do */
}

static struct options parse_arguments(int count, char **arguments)
{
    static const struct option known[] = {
        {"uid", required_argument, NULL, 'u'},
        {"gid", required_argument, NULL, 'g'},
        {"processor", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {UNCHANGED, UNCHANGED, UNCHANGED};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'u': options.uid = parse_number(optarg); break;
        case 'g': options.gid = parse_number(optarg); break;
        case 'p': options.processor = parse_number(optarg); break;
        case 'h': show_usage(stdout, EX_OK);
        default: show_usage(stderr, EX_USAGE);
        }
    }
    if (optind < count)
        show_usage(stderr, EX_USAGE);
    return options;
}

/* The parent may have blocked or ignored signals; the host expects the defaults. */
static void prepare_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN); /* a broken pipe is an errno here, not the agent's end */
    memory_catch_faults();
    threads_catch_interrupts();
}

static void greet(void)
{
    struct hello hello = {
        .header = {.size = sizeof hello - sizeof hello.header, .kind = FRAME_HELLO},
        .magic = {'S', 'Y', 'S', 'A', 'G', 'E', 'N', 'T'},
        .version = PROTOCOL_VERSION,
        .pointer_size = sizeof(void *),
        /* To musl's sysconf, pages of x86-64 always have 4 KiB (arch/x86_64/bits/limits.h). */
        .page_size = (uint32_t)getauxval(AT_PAGESZ),
        .pid = (uint32_t)getpid(),
        .uid = getuid(),
        .architecture = ARCHITECTURE,
    };
    threads_start_first(hello.threads);
    send_frame(&hello.header);
}

static void submit(struct frame *frame)
{
    const char *problem = batch_check(frame);
    if (problem != NULL)
        fail(EX_DATAERR, "%s (request %u)", problem, frame->header.request);
    if (!threads_submit(frame))
        fail(EX_DATAERR, "the batch is for thread %u, which does not exist", frame->header.thread);
}

static void dispatch(struct frame *frame)
{
    const uint32_t kind = frame->header.kind;
    if (kind != FRAME_START_THREAD && kind != FRAME_INTERRUPT) {
        submit(frame);
        return;
    }
    if (frame->header.size != 0)
        fail(EX_DATAERR, "a frame of kind %u takes no payload", kind);
    if (kind == FRAME_START_THREAD)
        threads_start(&frame->header);
    else if (!threads_interrupt(&frame->header))
        fail(EX_DATAERR, "the interrupt is for thread %u, which does not exist", frame->header.thread);
    free(frame);
}

int main(int count, char **arguments)
{
    struct options options = parse_arguments(count, arguments);
    stay_on(options.processor);
    become(options.uid, options.gid);
    prepare_signals();
    greet();
    threads_read_input(dispatch);
}
