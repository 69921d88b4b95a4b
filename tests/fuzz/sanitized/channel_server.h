/*
 * Included before channel_server.c in its build with sanitizers, which runs on
 * the developer's machine: ports are where $PORTS says, and it neither sets the
 * clock, nor seeds random numbers, nor runs any program but these.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static DIR* directory_of_ports(const char* name) {
    (void)name;
    return opendir(getenv("PORTS"));
}

static int refused(void) {
    errno = EPERM;
    return -1;
}

static int harmless_execv(const char* program, char* const* arguments) {
    if (program != NULL && (strcmp(program, "/bin/true") == 0 || strcmp(program, "/bin/cat") == 0))
        return execv(program, (char* const[]){(char*)program, NULL});
    (void)arguments;
    errno = ENOENT;
    return -1;
}

#define opendir directory_of_ports
#define ioctl(...) refused()
#define clock_settime(...) refused()
#define execv harmless_execv
