/* Prepares what adbd and Binder expect from Android's init. */
#pragma once

#include <stdbool.h>

/* Logs a failure, with its errno, to the console; the device goes on without it. */
void check(int result, const char *what);

/* File systems, modules, devices, network and properties; false where the kernel has no Binder driver. */
bool prepare(void);
