/* The interface of every transport that is measured. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_CLIENTS = 64, ACKNOWLEDGEMENT = 4 /* bytes of a reply */ };

struct options {
    size_t size;  /* bytes of each message */
    int clients;  /* processes that send, each served by a thread of its own */
    int calls;    /* of each client */
    int rate;     /* messages a second of each client; 0 if as many as there can be */
    int nodes;    /* Binder nodes that each client has sent to the server before it begins */
    bool one_way; /* messages are not acknowledged */
    bool hold;    /* stay until the input ends */
    const char *device;
};

struct transport {
    const char *name;
    /* Called once, before any fork. */
    void (*prepare)(const struct options *options);
    /* Called once in the server's process, before its threads serve; may be NULL. */
    void (*open_server)(const struct options *options);
    /* Runs in a thread of the server: receives messages for ever and acknowledges each unless they are one-way. */
    void (*serve)(const struct options *options, int client);
    /* Called once in a client's process, before it sends. */
    void (*open_client)(const struct options *options, int client);
    /* Sends a message; returns when it is acknowledged, unless messages are one-way. */
    void (*send)(const struct options *options, int client, const void *message);
    /* Called at the end in the process that prepared, possibly in a signal handler; may be NULL. */
    void (*clean)(void);
};

extern const struct transport binder_transport, pipe_transport, socket_transport, queue_transport, memory_transport;

/* Counts a message that the server has received, for clients whose messages are one-way. */
void count_received(int client);

/* Prints what failed, with the errno, and ends all processes. */
_Noreturn void die(const char *what);
