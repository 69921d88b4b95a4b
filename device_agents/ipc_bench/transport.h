/* What every way of getting bytes from one process to another is measured through. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_CLIENTS = 64, ACKNOWLEDGEMENT = 4 /* bytes of a reply */ };

struct options {
    size_t size;    /* bytes of each message */
    int clients;    /* processes that send, each served by a thread of its own */
    int calls;      /* of each client */
    int nodes;      /* Binder nodes that each client has sent to the server before it begins */
    bool one_way;   /* nothing is answered */
    bool hold;      /* stay until the input ends */
    const char *device;
};

struct transport {
    const char *name;
    /* Once, before any process is forked. */
    void (*prepare)(const struct options *options);
    /* In the server's process, once before its threads serve; may be NULL. */
    void (*open_server)(const struct options *options);
    /* In a thread of the server's: takes messages for ever, and acknowledges each unless they are one way. */
    void (*serve)(const struct options *options, int client);
    /* In a client's process, once before it sends. */
    void (*open_client)(const struct options *options, int client);
    /* Sends a message; unless they are one way, returns when it has been acknowledged. */
    void (*send)(const struct options *options, int client, const void *message);
    /* In the end, in the process that prepared, maybe in a signal's handler; may be NULL. */
    void (*clean)(void);
};

extern const struct transport binder_transport, pipe_transport, socket_transport, queue_transport, memory_transport;

/* Counts a message that a server has taken, for clients whose messages are one way. */
void count_received(int client);

/* Tells what failed, with the errno, and ends all processes. */
_Noreturn void die(const char *what);
