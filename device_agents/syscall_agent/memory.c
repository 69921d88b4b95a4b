/* Accesses to memory whose address came from the host. */
#include "memory.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "blake2b.h"

struct access {
    uint8_t *memory;
    size_t size;
    uint8_t *destination;
    const uint8_t *source;
    uint64_t seed;
};

/* Where the thread's access in progress goes on after a fault; NULL outside of one. */
static _Thread_local sigjmp_buf *volatile landing;

static void on_fault(int signal_number, siginfo_t *information, void *context)
{
    (void)context;
    sigjmp_buf *target = landing;
    if (target != NULL && information->si_code > 0) { /* raised by the kernel, not by kill(2) */
        landing = NULL;
        siglongjmp(*target, 1);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void memory_catch_faults(void)
{
    /* SA_NODEFER: a jump out of the handler leaves nothing blocked, so accesses save no signal mask. */
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static int64_t guarded(void (*touch)(const struct access *), const struct access *access)
{
    sigjmp_buf here;
    if (sigsetjmp(here, 0) != 0)
        return -EFAULT;
    landing = &here;
    atomic_signal_fence(memory_order_seq_cst);
    touch(access);
    atomic_signal_fence(memory_order_seq_cst);
    landing = NULL;
    return (int64_t)access->size;
}

static void touch_read(const struct access *access)
{
    memcpy(access->destination, access->memory, access->size);
}

static void touch_write(const struct access *access)
{
    memcpy(access->memory, access->source, access->size);
}

static void touch_fill(const struct access *access)
{
    uint8_t block[BLAKE2B_MAX_DIGEST];
    uint64_t input[2] = {access->seed, 0};
    for (size_t offset = 0; offset < access->size; offset += sizeof block, input[1]++) {
        size_t left = access->size - offset;
        blake2b(block, sizeof block, input, sizeof input);
        memcpy(access->memory + offset, block, left < sizeof block ? left : sizeof block);
    }
}

static void touch_digest(const struct access *access)
{
    blake2b(access->destination, DIGEST_SIZE, access->memory, access->size);
}

static uint8_t *pointer(uint64_t address)
{
    return (uint8_t *)(uintptr_t)address;
}

int64_t memory_read(uint64_t address, size_t size, uint8_t *destination)
{
    return guarded(touch_read, &(struct access){pointer(address), size, .destination = destination});
}

int64_t memory_write(uint64_t address, size_t size, const uint8_t *source)
{
    return guarded(touch_write, &(struct access){pointer(address), size, .source = source});
}

int64_t memory_fill(uint64_t address, size_t size, uint64_t seed)
{
    return guarded(touch_fill, &(struct access){pointer(address), size, .seed = seed});
}

int64_t memory_digest(uint64_t address, size_t size, uint8_t digest[DIGEST_SIZE])
{
    return guarded(touch_digest, &(struct access){pointer(address), size, .destination = digest});
}
