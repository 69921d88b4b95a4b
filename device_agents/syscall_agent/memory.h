/*
 * Access to the agent's own memory, in which a bad address is an error and not the end of the process.
 *
 * The access itself uses ordinary loads and stores, not a system call: what a page fault in a mapping does to user
 * space is one of the things to observe. A SIGSEGV or SIGBUS raised
 * by such an access gives -EFAULT; anywhere else, or sent with kill(2), both keep their default action.
 *
 * All return `size` or -EFAULT.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 16 };

/* Must run before the first access. */
void memory_catch_faults(void);

int64_t memory_read(uint64_t address, size_t size, uint8_t *destination);
int64_t memory_write(uint64_t address, size_t size, const uint8_t *source);

/* Each 64 bytes of the pattern are the BLAKE2b-512 of two words: the seed, and the index of the block. */
int64_t memory_fill(uint64_t address, size_t size, uint64_t seed);

/* BLAKE2b with DIGEST_SIZE bytes. */
int64_t memory_digest(uint64_t address, size_t size, uint8_t digest[DIGEST_SIZE]);
