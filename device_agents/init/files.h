/* Whole files, and failures said on the console: what the others of init use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Logs a failure, with its errno, to the console; the device goes on without it. */
void check(int result, const char *what);

/* Reads the first `size - 1` bytes of a file, and ends them with a zero byte; none of a file that cannot be read. */
void read_file(const char *path, char *content, size_t size);

/* Writes a file in one piece; logs and returns false where that fails. */
bool write_file(const char *path, const void *content, size_t size);
