/* Prepares what adbd and Binder expect from Android's init. */
#pragma once

#include <stdbool.h>

/* File systems, modules, devices, network and properties; false where the kernel has no Binder driver. */
bool prepare(void);
