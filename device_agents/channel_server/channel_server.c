/*
 * Runs programs for the host, each with its standard input and output on a virtio-serial port: a round trip takes a
 * tenth of the time that it takes over adb. On an idle port it waits for a request and answers when the request is
 * done: a program, when it has exited. emulator/embedded/qemu/virtio_serial.py is the host's end.
 *
 * Each request begins with a random boundary that the host chooses. The answer begins with the same boundary, which
 * marks the end of the program's output; the host ends its input to the program with that boundary, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN = 1, WAKE = 2 };
enum { BOUNDARY = 16 };
enum { REQUEST_MILLISECONDS = 1000 };
enum { MAX_PORTS = 32, MAX_ARGUMENTS = 64, MAX_PAYLOAD = 4096, KEPT_ERRORS = 4096 };

struct request {
    unsigned char boundary[BOUNDARY];
    uint32_t kind;
    uint32_t size; /* of the payload that follows */
};

struct answer {
    unsigned char boundary[BOUNDARY];
    int32_t status; /* as wait(2) has it */
    uint32_t size;  /* of the tail of standard error that follows */
    char errors[KEPT_ERRORS];
};

/* What a device restored from a snapshot needs: its clock has stopped, and its random numbers repeat. */
struct wake {
    int64_t seconds;
    int64_t nanoseconds;
    unsigned char seed[64];
};

static struct port {
    int descriptor;
    pid_t program; /* 0 where none runs */
    int errors;    /* the program's standard error, a file in memory */
    bool draining; /* discards input that was too late for the program, up to the boundary */
    unsigned char boundary[BOUNDARY];
    unsigned char latest[BOUNDARY]; /* bytes of the input being drained */
} ports[MAX_PORTS];
static int port_count;

/* As wait(2) has it. */
static int ended_with(int exit_status)
{
    return exit_status << 8;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void open_ports(void)
{
    DIR *directory = opendir("/dev");
    if (directory == NULL)
        die("/dev");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL && port_count < MAX_PORTS;) {
        if (strncmp(entry->d_name, "vport", 5) != 0)
            continue;
        int descriptor = openat(dirfd(directory), entry->d_name, O_RDWR | O_CLOEXEC);
        if (descriptor >= 0)
            ports[port_count++].descriptor = descriptor;
        else if (errno != EBUSY) /* held by a program that an earlier server started */
            die(entry->d_name);
    }
    closedir(directory);
}

/* Leaves zeros where the host has closed the port; the next poll reports that. Also where the rest does not come: the
 * host sends a request at once, so this is for a program of an earlier server, which was killed with it. */
static void receive(int descriptor, void *destination, size_t size)
{
    for (size_t done = 0; done < size;) {
        struct pollfd input = {.fd = descriptor, .events = POLLIN};
        if (poll(&input, 1, REQUEST_MILLISECONDS) == 0) {
            memset(destination, 0, size);
            return;
        }
        ssize_t count = read(descriptor, (char *)destination + done, size - done);
        if (count < 0)
            die("cannot read a request");
        if (count == 0)
            return;
        done += (size_t)count;
    }
}

/* Waits until the port can take output again; false where the host has closed it. */
static bool await_room(const struct port *port)
{
    struct pollfd output = {.fd = port->descriptor, .events = POLLOUT};
    return poll(&output, 1, -1) == 1 && !(output.revents & POLLHUP);
}

/* One write, so that the host receives it whole. Non-blocking: on a port that the host has closed it would block for
 * ever. */
static void answer(struct port *port, int status)
{
    struct answer answer = {.status = status};
    memcpy(answer.boundary, port->boundary, sizeof answer.boundary);
    if (port->errors > 0) {
        off_t size = lseek(port->errors, 0, SEEK_END);
        ssize_t kept = pread(port->errors, answer.errors, KEPT_ERRORS, size > KEPT_ERRORS ? size - KEPT_ERRORS : 0);
        answer.size = kept > 0 ? (uint32_t)kept : 0;
        close(port->errors);
        port->errors = 0;
    }
    size_t size = sizeof answer - KEPT_ERRORS + answer.size;
    fcntl(port->descriptor, F_SETFL, O_RDWR | O_NONBLOCK);
    ssize_t written;
    do
        written = write(port->descriptor, &answer, size);
    while (written < 0 && errno == EAGAIN && await_room(port));
    if (written != (ssize_t)size)
        perror("cannot answer the host");
    port->draining = true;
    memset(port->latest, 0, sizeof port->latest);
}

/* Discards what has arrived so far. */
static void drain(struct port *port)
{
    unsigned char byte;
    while (port->draining && read(port->descriptor, &byte, 1) == 1) {
        memmove(port->latest, port->latest + 1, BOUNDARY - 1);
        port->latest[BOUNDARY - 1] = byte;
        port->draining = memcmp(port->latest, port->boundary, BOUNDARY) != 0;
    }
    if (!port->draining)
        fcntl(port->descriptor, F_SETFL, O_RDWR);
}

static _Noreturn void become(struct port *port, char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    dup2(port->descriptor, STDIN_FILENO);
    dup2(port->descriptor, STDOUT_FILENO);
    dup2(port->errors, STDERR_FILENO);
    execv(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static void run(struct port *port, char *payload, size_t size)
{
    char *argv[MAX_ARGUMENTS + 1] = {0};
    char *argument = payload;
    for (int argc = 0; argc < MAX_ARGUMENTS && argument < payload + size; argument += strlen(argument) + 1)
        argv[argc++] = argument;
    port->errors = memfd_create("standard error", MFD_CLOEXEC);
    port->program = fork();
    if (port->program == 0)
        become(port, argv);
    if (port->program < 0) {
        dprintf(port->errors, "fork: %s\n", strerror(errno));
        port->program = 0;
        answer(port, ended_with(127));
    }
}

static int wake(const struct wake *wake)
{
    _Alignas(struct rand_pool_info) char pool[sizeof(struct rand_pool_info) + sizeof wake->seed];
    *(struct rand_pool_info *)pool = (struct rand_pool_info){
        .entropy_count = 8 * sizeof wake->seed,
        .buf_size = sizeof wake->seed,
    };
    memcpy(pool + sizeof(struct rand_pool_info), wake->seed, sizeof wake->seed);
    struct timespec now = {.tv_sec = wake->seconds, .tv_nsec = wake->nanoseconds};
    int random = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    int failed = ioctl(random, RNDADDENTROPY, pool) != 0 || ioctl(random, RNDRESEEDCRNG) != 0 ||
                 clock_settime(CLOCK_REALTIME, &now) != 0;
    int status = failed ? errno : 0;
    close(random);
    return ended_with(status);
}

static void serve(struct port *port)
{
    struct request request = {0};
    static union {
        char bytes[MAX_PAYLOAD + 1]; /* a zero byte ends the last argument, whatever was sent */
        struct wake wake;
    } payload;
    receive(port->descriptor, &request, sizeof request);
    if (request.size > MAX_PAYLOAD) {
        fputs("channel_server: the request is too long\n", stderr);
        exit(1);
    }
    memset(&payload, 0, sizeof payload);
    receive(port->descriptor, &payload, request.size);
    memcpy(port->boundary, request.boundary, sizeof port->boundary);
    if (request.kind == RUN)
        run(port, payload.bytes, request.size);
    else if (request.kind == WAKE)
        answer(port, wake(&payload.wake));
}

static void collect_programs(void)
{
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (struct port *port = ports; port < ports + port_count; port++) {
            if (port->program == ended) {
                port->program = 0;
                answer(port, status);
            }
        }
    }
}

int main(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    open_ports();
    for (;;) {
        struct pollfd waiting[MAX_PORTS + 1] = {{.fd = children, .events = POLLIN}};
        for (int index = 0; index < port_count; index++) {
            int idle = ports[index].program == 0;
            waiting[index + 1] = (struct pollfd){.fd = idle ? ports[index].descriptor : -1, .events = POLLIN};
        }
        if (poll(waiting, (nfds_t)port_count + 1, -1) < 0 && errno != EINTR)
            die("poll");
        struct signalfd_siginfo information;
        while (read(children, &information, sizeof information) > 0)
            ;
        collect_programs();
        for (int index = 0; index < port_count; index++) {
            if (waiting[index + 1].revents & POLLHUP) {
                close(ports[index].descriptor); /* the host has closed the port for good */
                ports[index].descriptor = -1;
            } else if (waiting[index + 1].revents & POLLIN) {
                if (ports[index].draining)
                    drain(&ports[index]);
                else
                    serve(&ports[index]);
            }
        }
    }
}
