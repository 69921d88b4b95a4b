/* The raw Binder driver: the server is the context manager, so a client needs only handle 0. */
#include <errno.h>
#include <fcntl.h>
#include <linux/android/binder.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transport.h"

/* The driver serves 4 MiB at most (binder_alloc.c, SZ_4M): room for some one-way messages of 1 MiB. */
enum { MAPPING = 4 << 20, NODES_AT_ONCE = 1000 };

static int binder; /* the descriptor */

static void prepare(const struct options *options)
{
    (void)options;
}

static void open_binder(const struct options *options)
{
    binder = open(options->device, O_RDWR | O_CLOEXEC);
    if (binder < 0 || mmap(NULL, MAPPING, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, binder, 0) == MAP_FAILED)
        die(options->device);
}

static void open_server(const struct options *options)
{
    open_binder(options);
    if (ioctl(binder, BINDER_SET_CONTEXT_MGR, 0) != 0)
        die("cannot become the context manager (does the device have one?)");
}

struct commands {
    size_t size;
    char bytes[256];
};

static void add(struct commands *commands, uint32_t command, const void *argument, size_t size)
{
    memcpy(commands->bytes + commands->size, &command, sizeof command);
    memcpy(commands->bytes + commands->size + sizeof command, argument, size);
    commands->size += sizeof command + size;
}

/* One BINDER_WRITE_READ; returns the number of bytes read. */
static size_t exchange(const void *commands, size_t size, void *answer, size_t room)
{
    struct binder_write_read arguments = {
        .write_size = size,
        .write_buffer = (binder_uintptr_t)commands,
        .read_size = room,
        .read_buffer = (binder_uintptr_t)answer,
    };
    while (ioctl(binder, BINDER_WRITE_READ, &arguments) != 0)
        if (errno != EINTR)
            die("BINDER_WRITE_READ");
    return arguments.read_consumed;
}

static void add_freeing(struct commands *commands, const struct binder_transaction_data *data)
{
    binder_uintptr_t buffer = data->data.ptr.buffer;
    add(commands, BC_FREE_BUFFER, &buffer, sizeof buffer);
}

/* Keeps the nodes of a message alive beyond its buffer. */
static void keep_nodes(const struct binder_transaction_data *data)
{
    const struct flat_binder_object *objects = (const void *)(uintptr_t)data->data.ptr.buffer;
    for (size_t index = 0; index < data->offsets_size / sizeof(binder_size_t); index++) {
        struct commands commands = {0};
        add(&commands, BC_ACQUIRE, &objects[index].handle, sizeof objects[index].handle);
        exchange(commands.bytes, commands.size, NULL, 0);
    }
}

static void answer_message(const struct binder_transaction_data *data, struct commands *commands)
{
    static const char acknowledgement[ACKNOWLEDGEMENT];
    keep_nodes(data);
    add_freeing(commands, data);
    if (data->flags & TF_ONE_WAY) {
        exchange(commands->bytes, commands->size, NULL, 0); /* so that the freed buffers count as room */
        commands->size = 0;
        count_received((int)data->code);
        return;
    }
    struct binder_transaction_data reply = {
        .data_size = sizeof acknowledgement,
        .data.ptr.buffer = (binder_uintptr_t)acknowledgement,
    };
    add(commands, BC_REPLY, &reply, sizeof reply);
}

/* The transaction among what was read, if there is one; exits on errors. */
static const char *find(const char *answer, size_t size, uint32_t wanted, bool *complete)
{
    const char *found = NULL;
    for (size_t done = 0; done < size;) {
        uint32_t command;
        memcpy(&command, answer + done, sizeof command);
        if (command == BR_FAILED_REPLY || command == BR_DEAD_REPLY) {
            errno = EIO;
            die("a transaction");
        }
        if (command == BR_TRANSACTION_COMPLETE)
            *complete = true;
        if (command == wanted)
            found = answer + done + sizeof command;
        done += sizeof command + _IOC_SIZE(command);
    }
    return found;
}

static void serve(const struct options *options, int client)
{
    (void)options;
    (void)client; /* any thread may get a message of any client */
    struct commands commands = {0};
    uint32_t enter = BC_ENTER_LOOPER;
    exchange(&enter, sizeof enter, NULL, 0);
    for (;;) {
        char answer[512];
        bool complete = false;
        size_t size = exchange(commands.bytes, commands.size, answer, sizeof answer);
        commands.size = 0;
        const char *found = find(answer, size, BR_TRANSACTION, &complete);
        if (found != NULL) {
            struct binder_transaction_data data;
            memcpy(&data, found, sizeof data);
            answer_message(&data, &commands);
        }
    }
}

static void transact(struct binder_transaction_data *data)
{
    static _Thread_local struct commands freeing; /* the last reply, with the next call */
    bool complete = false, one_way = data->flags & TF_ONE_WAY;
    add(&freeing, BC_TRANSACTION, data, sizeof *data);
    for (;;) {
        char answer[32768];
        size_t size = exchange(freeing.bytes, freeing.size, answer, sizeof answer);
        freeing.size = 0;
        const char *reply = find(answer, size, BR_REPLY, &complete);
        if (reply != NULL) {
            struct binder_transaction_data received;
            memcpy(&received, reply, sizeof received);
            add_freeing(&freeing, &received);
            return;
        }
        if (one_way && complete)
            return;
    }
}

static void send_nodes(int first, int count)
{
    static struct flat_binder_object objects[NODES_AT_ONCE];
    static binder_size_t offsets[NODES_AT_ONCE];
    for (int index = 0; index < count; index++) {
        binder_uintptr_t name = (binder_uintptr_t)(first + index + 1);
        objects[index] = (struct flat_binder_object){
            .hdr.type = BINDER_TYPE_BINDER, .flags = 0x7f, .binder = name, .cookie = name};
        offsets[index] = (binder_size_t)index * sizeof *objects;
    }
    transact(&(struct binder_transaction_data){
        .data_size = (binder_size_t)count * sizeof *objects,
        .offsets_size = (binder_size_t)count * sizeof *offsets,
        .data.ptr = {.buffer = (binder_uintptr_t)objects, .offsets = (binder_uintptr_t)offsets},
    });
}

static void open_client(const struct options *options, int client)
{
    (void)client;
    open_binder(options);
    for (int sent = 0; sent < options->nodes; sent += NODES_AT_ONCE)
        send_nodes(sent, options->nodes - sent < NODES_AT_ONCE ? options->nodes - sent : NODES_AT_ONCE);
}

static void send_message(const struct options *options, int client, const void *message)
{
    transact(&(struct binder_transaction_data){
        .code = (uint32_t)client,
        .flags = options->one_way ? TF_ONE_WAY : 0,
        .data_size = options->size,
        .data.ptr.buffer = (binder_uintptr_t)message,
    });
}

const struct transport binder_transport = {
    .name = "binder",
    .prepare = prepare,
    .open_server = open_server,
    .serve = serve,
    .open_client = open_client,
    .send = send_message,
};
