// What libbinder_ndk takes of Android's C library and toolchain, and glibc and clang for Linux do not have.
#pragma once

#include <assert.h>

#define __INTRODUCED_IN(level)
#define __assert(file, line, message)
