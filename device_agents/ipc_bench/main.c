/*
 * Measures how long a message takes from one process to another, for Binder's raw driver and for what else Linux has.
 *
 * One server process has a thread for each of the clients, which are processes. Each client sends its messages one
 * after the other and measures the time of each: until the acknowledgement, or for one-way messages until the send
 * returns. It prints one line: the number of calls, the quartiles of those times, and the rate over all clients.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "transport.h"

enum { WARM_UP = 20, MAX_SIZE = 1 << 20, MAX_CALLS = 1 << 20, MOST_UNDER_WAY = 16 };

/* Bytes of one-way messages, of all clients: a mapping of 4 MiB, of which Binder gives one-way messages half. */
enum { ONE_WAY_ROOM = 1 << 20 };

static const struct transport *const transports[] = {
    &binder_transport, &pipe_transport, &socket_transport, &queue_transport, &memory_transport,
};

struct shared {
    _Atomic uint32_t ready, begun;
    _Atomic uint32_t received[MAX_CLIENTS];
};
static struct shared *shared; /* by all processes */
static uint64_t *durations;   /* of every call of every client, in nanoseconds */

static const struct transport *transport;
static struct options options = {.clients = 1, .calls = 1000, .device = "/dev/vndbinder"};

static _Noreturn void show_usage(FILE *stream, int status)
{
    fputs("usage: ipc_bench TRANSPORT [OPTION]...\n"
          "\n"
          "TRANSPORT is binder, pipe, socket, queue (System V) or memory (shared, with a futex).\n"
          "\n"
          "  --bytes N    of each message, 0 to 1048576 (0)\n"
          "  --calls N    of each client (1000)\n"
          "  --clients N  processes that send at once, 1 to 64 (1)\n"
          "  --rate N     messages a second of each client, at most (0: no limit)\n"
          "  --nodes N    Binder nodes sent to the server before (0)\n"
          "  --one-way    do not acknowledge messages; all clients together send 1048576 bytes at most\n"
          "  --device P   a Binder device without a context manager (/dev/vndbinder)\n"
          "  --hold       stay until standard input ends\n"
          "\n"
          "After SIGKILL it leaves a System V queue behind unless it runs as root.\n"
          "It prints: calls, median, first and third quartile in nanoseconds, calls per second.\n",
          stream);
    exit(status);
}

static _Noreturn void end_all(void)
{
    kill(0, SIGTERM);
    _exit(EX_OSERR);
}

_Noreturn void die(const char *what)
{
    fprintf(stderr, "ipc_bench: %s: %s\n", what, strerror(errno));
    end_all();
}

/* A process that fails prints the reason and ends all: this one was killed. */
static _Noreturn void die_of_child(pid_t child, pid_t server)
{
    fprintf(stderr, "ipc_bench: %s has failed\n", child == server ? "the server" : "a client");
    end_all();
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void wait_for_change(_Atomic uint32_t *word, uint32_t value, const struct timespec *at_most)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, at_most, NULL, 0);
}

static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load(word) == value)
        wait_for_change(word, value, NULL);
}

static void add_one(_Atomic uint32_t *word)
{
    atomic_fetch_add(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE, MAX_CLIENTS + 1, NULL, NULL, 0);
}

static void wait_until(_Atomic uint32_t *word, uint32_t value)
{
    for (uint32_t seen; (seen = atomic_load(word)) != value;)
        wait_while(word, seen);
}

void count_received(int client)
{
    if (options.one_way)
        add_one(&shared->received[client]);
}

/* How many messages fit into a client's share of the room. */
static uint32_t most_under_way(void)
{
    size_t of_all = (size_t)options.clients * options.size;
    return of_all * MOST_UNDER_WAY <= ONE_WAY_ROOM ? MOST_UNDER_WAY : (uint32_t)(ONE_WAY_ROOM / of_all);
}

static void await_room(int client, uint32_t sent)
{
    uint32_t most = most_under_way();
    for (uint32_t received; sent - (received = atomic_load(&shared->received[client])) >= most;)
        wait_while(&shared->received[client], received);
}

static void *serve(void *client)
{
    transport->serve(&options, (int)(intptr_t)client);
    return NULL;
}

static void clean(void)
{
    if (transport->clean != NULL)
        transport->clean();
}

static void on_deadly_signals(void (*handler)(int signal_number))
{
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &action, NULL);
}

/* Ends the others first: they would report errors about what is gone. */
static void clean_and_die(int signal_number)
{
    kill(0, SIGTERM);
    clean();
    raise(signal_number);
}

static pid_t child(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        on_deadly_signals(SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it died before prctl() */
            _exit(EX_OSERR);
    }
    return pid;
}

static _Noreturn void run_server(void)
{
    if (transport->open_server != NULL)
        transport->open_server(&options);
    for (int client = 0; client < options.clients; client++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) != 0)
            die("a thread of the server");
    }
    add_one(&shared->ready);
    for (;;)
        pause();
}

/* Returns when it is time for this call, where a rate is given. */
static void await_turn(uint64_t begun, int call)
{
    if (options.rate == 0)
        return;
    uint64_t time = begun + (uint64_t)call * 1000000000u / (uint64_t)options.rate;
    struct timespec until = {.tv_sec = (time_t)(time / 1000000000u), .tv_nsec = (long)(time % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void run_client(int client)
{
    static uint8_t message[MAX_SIZE];
    memset(message, client + 1, sizeof message);
    wait_while(&shared->ready, 0);
    transport->open_client(&options, client);
    uint32_t sent = 0;
    for (; sent < WARM_UP; sent++) {
        if (options.one_way)
            await_room(client, sent);
        transport->send(&options, client, message);
    }
    add_one(&shared->ready);
    wait_while(&shared->begun, 0);
    uint64_t *mine = durations + (size_t)client * (size_t)options.calls;
    uint64_t begun = now();
    for (int call = 0; call < options.calls; call++, sent++) {
        await_turn(begun, call);
        if (options.one_way)
            await_room(client, sent);
        uint64_t started = now();
        transport->send(&options, client, message);
        mine[call] = now() - started;
    }
    if (options.one_way)
        wait_until(&shared->received[client], sent);
    if (options.hold)
        pause();
}

/* Fails where a process ends early. */
static void wait_until_all_are_ready(pid_t server)
{
    static const struct timespec look_every = {.tv_nsec = 50000000};
    for (uint32_t seen; (seen = atomic_load(&shared->ready)) != (uint32_t)options.clients + 1;) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended != 0)
            die_of_child(ended, server);
        wait_for_change(&shared->ready, seen, &look_every);
    }
}

static void wait_for_clients(pid_t server)
{
    for (int running = options.clients; running > 0; running--) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 || ended == server || status != 0)
            die_of_child(ended, server);
    }
}

static int compare(const void *first, const void *second)
{
    uint64_t a = *(const uint64_t *)first, b = *(const uint64_t *)second;
    return (a > b) - (a < b);
}

static void report(uint64_t elapsed)
{
    size_t count = (size_t)options.clients * (size_t)options.calls;
    qsort(durations, count, sizeof *durations, compare);
    printf("%zu %llu %llu %llu %.1f\n", count, (unsigned long long)durations[count / 2],
           (unsigned long long)durations[count / 4], (unsigned long long)durations[count * 3 / 4],
           (double)count * 1e9 / (double)elapsed);
    fflush(stdout);
}

static long number(const char *text, long least, long most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "ipc_bench: %s is not a number from %ld to %ld\n", text, least, most);
        show_usage(stderr, EX_USAGE);
    }
    return value;
}

static void parse_arguments(int count, char **arguments)
{
    static const struct option known[] = {
        {"bytes", required_argument, NULL, 'b'},   {"calls", required_argument, NULL, 'c'},
        {"clients", required_argument, NULL, 'n'}, {"rate", required_argument, NULL, 'r'},
        {"nodes", required_argument, NULL, 'o'},   {"one-way", no_argument, NULL, 'w'},
        {"device", required_argument, NULL, 'd'},  {"hold", no_argument, NULL, 'h'},
        {"help", no_argument, NULL, 'u'},          {0},
    };
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'b': options.size = (size_t)number(optarg, 0, MAX_SIZE); break;
        case 'c': options.calls = (int)number(optarg, 1, MAX_CALLS); break;
        case 'n': options.clients = (int)number(optarg, 1, MAX_CLIENTS); break;
        case 'r': options.rate = (int)number(optarg, 0, 1000000); break;
        case 'o': options.nodes = (int)number(optarg, 0, 100000); break;
        case 'w': options.one_way = true; break;
        case 'd': options.device = optarg; break;
        case 'h': options.hold = true; break;
        case 'u': show_usage(stdout, EX_OK);
        default: show_usage(stderr, EX_USAGE);
        }
    }
    for (size_t i = 0; optind == count - 1 && i < sizeof transports / sizeof *transports; i++)
        if (strcmp(transports[i]->name, arguments[optind]) == 0)
            transport = transports[i];
    if (transport == NULL)
        show_usage(stderr, EX_USAGE);
    if (options.one_way && most_under_way() == 0) {
        fprintf(stderr, "ipc_bench: one one-way message of each client exceeds %d bytes in all\n", ONE_WAY_ROOM);
        show_usage(stderr, EX_USAGE);
    }
}

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        die("shared memory");
    return memory;
}

int main(int count, char **arguments)
{
    parse_arguments(count, arguments);
    setpgid(0, 0);
    shared = share(sizeof *shared);
    durations = share((size_t)options.clients * (size_t)options.calls * sizeof *durations);
    on_deadly_signals(clean_and_die);
    transport->prepare(&options);
    pid_t server = child();
    if (server == 0)
        run_server();
    pid_t clients[MAX_CLIENTS];
    for (int client = 0; client < options.clients; client++) {
        clients[client] = child();
        if (clients[client] == 0) {
            run_client(client);
            _exit(EX_OK);
        }
    }
    wait_until_all_are_ready(server);
    uint64_t started = now();
    add_one(&shared->begun);
    if (!options.hold) {
        wait_for_clients(server);
        report(now() - started);
    } else {
        for (puts("holding"), fflush(stdout); getchar() != EOF;)
            ;
        for (int client = 0; client < options.clients; client++)
            kill(clients[client], SIGKILL);
    }
    kill(server, SIGKILL);
    clean();
    return EX_OK;
}
