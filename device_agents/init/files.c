#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void check(int result, const char *what)
{
    if (result < 0)
        fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
}

void read_file(const char *path, char *content, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, content, size - 1);
    content[count < 0 ? 0 : count] = '\0';
    if (file >= 0)
        close(file);
}

bool write_file(const char *path, const void *content, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = file >= 0 && write(file, content, size) == (ssize_t)size;
    if (!written)
        check(-1, path);
    if (file >= 0)
        close(file);
    return written;
}
