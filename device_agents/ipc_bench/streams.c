/* Pipes and Unix sockets: two pairs of descriptors for each client, made before anybody is forked. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

static struct {
    int server_reads, client_writes, client_reads, server_writes;
} ends[MAX_CLIENTS];

static void take(int descriptor, void *destination, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(descriptor, (char *)destination + done, size - done);
        if (count < 0 && errno != EINTR)
            die("reading");
        done += count > 0 ? (size_t)count : 0;
    }
}

static void give(int descriptor, const void *source, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(descriptor, (const char *)source + done, size - done);
        if (count < 0 && errno != EINTR)
            die("writing");
        done += count > 0 ? (size_t)count : 0;
    }
}

/* A stream cannot carry a message of no bytes. */
static size_t size_of_message(const struct options *options)
{
    return options->size > 0 ? options->size : 1;
}

static void prepare_pipes(const struct options *options)
{
    for (int client = 0; client < options->clients; client++) {
        int there[2], back[2];
        if (pipe(there) != 0 || pipe(back) != 0)
            die("pipe");
        ends[client].server_reads = there[0];
        ends[client].client_writes = there[1];
        ends[client].client_reads = back[0];
        ends[client].server_writes = back[1];
    }
}

static void prepare_sockets(const struct options *options)
{
    for (int client = 0; client < options->clients; client++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
            die("socketpair");
        ends[client].server_reads = ends[client].server_writes = pair[0];
        ends[client].client_reads = ends[client].client_writes = pair[1];
    }
}

static void serve(const struct options *options, int client)
{
    static _Thread_local char message[1 << 20];
    for (;;) {
        take(ends[client].server_reads, message, size_of_message(options));
        count_received(client);
        if (!options->one_way)
            give(ends[client].server_writes, message, ACKNOWLEDGEMENT);
    }
}

static void open_client(const struct options *options, int client)
{
    (void)options;
    (void)client;
}

static void send_message(const struct options *options, int client, const void *message)
{
    char acknowledgement[ACKNOWLEDGEMENT];
    give(ends[client].client_writes, message, size_of_message(options));
    if (!options->one_way)
        take(ends[client].client_reads, acknowledgement, sizeof acknowledgement);
}

const struct transport pipe_transport = {
    .name = "pipe", .prepare = prepare_pipes, .serve = serve, .open_client = open_client, .send = send_message};
const struct transport socket_transport = {
    .name = "socket", .prepare = prepare_sockets, .serve = serve, .open_client = open_client, .send = send_message};
