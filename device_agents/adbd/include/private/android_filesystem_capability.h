// Stands in for libcutils' copy of the kernel's header, with which <sys/capability.h> does not go together.
#pragma once

#include <linux/capability.h>
