/* A System V message queue: messages to the server and acknowledgements differ in their type. */
#include <sched.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "transport.h"

/* The largest message that a queue takes unless the system's limits are raised (kernel.msgmax). */
enum { LARGEST = 8192 };

struct message {
    long type;
    char bytes[LARGEST];
};

static int queue = -1;

static long to_server(int client)
{
    return 2 * client + 1;
}

static long to_client(int client)
{
    return 2 * client + 2;
}

static void prepare(const struct options *options)
{
    (void)options;
    /*
     * A queue outlives its users, but not the last process of its namespace: in one of our own even SIGKILL leaves
     * nothing. That takes root and CONFIG_IPC_NS; without them only `clean` removes it.
     */
    unshare(CLONE_NEWIPC);
    queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0)
        die("msgget");
}

static void put(long type, const void *bytes, size_t size)
{
    static _Thread_local struct message message;
    message.type = type;
    memcpy(message.bytes, bytes, size);
    if (msgsnd(queue, &message, size, 0) != 0)
        die("msgsnd");
}

/* Larger ones go in parts. */
static void serve(const struct options *options, int client)
{
    static _Thread_local struct message message;
    for (;;) {
        size_t done = 0;
        do {
            ssize_t size = msgrcv(queue, &message, LARGEST, to_server(client), 0);
            if (size < 0)
                die("msgrcv");
            done += (size_t)size;
        } while (done < options->size);
        count_received(client);
        if (!options->one_way)
            put(to_client(client), message.bytes, ACKNOWLEDGEMENT);
    }
}

static void open_client(const struct options *options, int client)
{
    (void)options;
    (void)client;
}

static void send_message(const struct options *options, int client, const void *bytes)
{
    struct message acknowledgement;
    size_t done = 0;
    do {
        size_t part = options->size - done < LARGEST ? options->size - done : LARGEST;
        put(to_server(client), (const char *)bytes + done, part);
        done += part;
    } while (done < options->size);
    if (!options->one_way && msgrcv(queue, &acknowledgement, LARGEST, to_client(client), 0) < 0)
        die("msgrcv");
}

static void clean(void)
{
    msgctl(queue, IPC_RMID, NULL);
}

const struct transport queue_transport = {
    .name = "queue",
    .prepare = prepare,
    .serve = serve,
    .open_client = open_client,
    .send = send_message,
    .clean = clean,
};
