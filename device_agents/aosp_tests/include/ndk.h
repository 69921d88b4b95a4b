// What libbinder_ndk takes of Android's C library and toolchain, and glibc and clang for Linux do not have.
#pragma once

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define __INTRODUCED_IN(level)
// glibc's has its arguments in another order.
#define __assert(file, line, message) (fprintf(stderr, "%s:%d: %s\n", file, line, message), abort())
