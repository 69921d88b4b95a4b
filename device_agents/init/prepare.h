/* Makes what Android's init would have made for adbd and Binder. */
#pragma once

#include <stdbool.h>

/* Tells the console what did not work, by errno; the device goes on without it. */
void check(int result, const char *what);

/* File systems, modules, devices, network and properties; false where the kernel has no Binder driver. */
bool prepare(void);
