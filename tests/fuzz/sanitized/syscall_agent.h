/*
 * Included before each source of syscall_agent in its build with sanitizers,
 * which runs on the developer's machine: of the system calls that the input
 * asks for, only these are made, on memory that the input itself has mapped.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_ARENAS = 1024, LARGEST_ARENA = 1 << 22 };

/* Behind each arena nothing is mapped, as far as one operation reaches. */
static const size_t REACH = (size_t)1 << 32;

static struct arena {
    uintptr_t start;
    size_t size;
} arenas[MOST_ARENAS] __attribute__((unused));
static unsigned arena_count __attribute__((unused));

static int in_an_arena(uintptr_t start, size_t size) {
    for (unsigned index = 0; index < arena_count && index < MOST_ARENAS; index++) {
        const struct arena* arena = &arenas[index];
        if (start >= arena->start && size <= arena->size && start - arena->start <= arena->size - size) return 1;
    }
    return 0;
}

static __attribute__((unused)) long checked_syscall(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                                    uint64_t e, uint64_t f) {
    long value;
    unsigned index;
    switch (number) {
        case SYS_getpid:
        case SYS_gettid:
        case SYS_getuid:
        case SYS_sched_yield:
            return syscall(number);
        case SYS_mmap:
            if (a != 0 || b == 0 || b > LARGEST_ARENA || d != (MAP_PRIVATE | MAP_ANONYMOUS)) break;
            index = __atomic_fetch_add(&arena_count, 1, __ATOMIC_SEQ_CST);
            if (index >= MOST_ARENAS) break;
            value = syscall(number, 0, b + REACH, PROT_NONE, d | MAP_NORESERVE, -1, 0);
            if (value != -1 && syscall(SYS_mprotect, value, b, c & 7) == 0)
                arenas[index] = (struct arena){(uintptr_t)value, b};
            return value;
        case SYS_mprotect:
            if (!in_an_arena(a, b)) break;
            return syscall(number, a, b, c & 7);
        case SYS_uname:
        case SYS_getcwd:
        case SYS_pipe2:
            if (!in_an_arena(a, 4096)) break;
            return syscall(number, a, number == SYS_getcwd ? 4096 : 0, d, e, f);
    }
    errno = ENOSYS;
    return -1;
}

#ifdef HOST_ADDRESSES
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECKED = 1 << 24 };

static const uintptr_t LOWEST = 0x10007fff8000; /* of programs: below is the shadow of AddressSanitizer */

/* Of the agent's own memory, though, it knows which bytes are whose; the input
 * cannot name an address there. */
static __attribute__((unused)) void check_own(const void* memory, size_t size) {
    uintptr_t start = (uintptr_t)memory;
    if (start < LOWEST || size > CHECKED || start >= ((uintptr_t)1 << 47) - size) return;
    if (__asan_region_is_poisoned((void*)start, size) == NULL) return;
    fprintf(stderr, "Sanitizer: %zu bytes at %p are not all the agent's\n", size, memory);
    abort();
}

/* AddressSanitizer would report the addresses that come from the host before
 * the kernel does. */
static __attribute__((unused, no_sanitize_address, no_sanitize_undefined,
                      optimize("no-tree-loop-distribute-patterns"))) void*
plain_memcpy(void* destination, const void* source, size_t size) {
    check_own(destination, size);
    check_own(source, size);
    volatile unsigned char* to = destination;
    const volatile unsigned char* from = source;
    while (size-- > 0) *to++ = *from++;
    return destination;
}
#include <string.h>
#define memcpy plain_memcpy
#endif

#ifdef CALLS_OF_THE_HOST
#define syscall checked_syscall
#endif
