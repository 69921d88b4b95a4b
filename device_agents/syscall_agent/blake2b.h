/*
 * BLAKE2b (RFC 7693), unkeyed.
 *
 * One primitive both digests memory and generates payloads. It is strong, so equal digests mean equal
 * bytes; it works in 64-bit additions, rotations and exclusive-ors, which stay cheap on an emulated processor
 * too; and Python has it as hashlib.blake2b, so both ends agree without transferring a byte.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { BLAKE2B_MAX_DIGEST = 64 };

/* Writes the digest of `data`, digest_size (1 to 64) bytes. */
void blake2b(uint8_t *digest, size_t digest_size, const void *data, size_t size);
