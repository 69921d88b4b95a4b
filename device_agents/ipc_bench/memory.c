/* Shared memory with a futex: the message is written where the server sees it, and a futex holds whose turn it is. */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transport.h"

enum turn { CLIENT, SERVER };

struct region {
    _Atomic uint32_t turn;
    uint64_t seen; /* what the server read: unused, the compiler could remove the reads */
    char message[1 << 20];
};

static struct region *regions;

static void prepare(const struct options *options)
{
    size_t size = (size_t)options->clients * sizeof *regions;
    regions = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (regions == MAP_FAILED)
        die("shared memory");
}

static void await(struct region *region, enum turn turn)
{
    for (uint32_t now; (now = atomic_load(&region->turn)) != turn;)
        syscall(SYS_futex, &region->turn, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void hand_over(struct region *region, enum turn turn)
{
    atomic_store(&region->turn, turn);
    syscall(SYS_futex, &region->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void serve(const struct options *options, int client)
{
    struct region *region = &regions[client];
    for (;;) {
        await(region, SERVER);
        if (options->size > 0)
            region->seen += (uint64_t)region->message[0] + (uint64_t)region->message[options->size - 1];
        hand_over(region, CLIENT);
        count_received(client);
    }
}

static void open_client(const struct options *options, int client)
{
    (void)options;
    (void)client;
}

/* The message is made in place, which is the point of shared memory: nothing is copied. */
static void send_message(const struct options *options, int client, const void *message)
{
    struct region *region = &regions[client];
    await(region, CLIENT);
    if (options->size > 0)
        memset(region->message, *(const char *)message, options->size);
    hand_over(region, SERVER);
    if (!options->one_way)
        await(region, CLIENT);
}

const struct transport memory_transport = {
    .name = "memory", .prepare = prepare, .serve = serve, .open_client = open_client, .send = send_message};
