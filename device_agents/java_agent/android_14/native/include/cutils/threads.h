// Of threads, what is asked for here is in the C library.
#pragma once

#include <pthread.h>
#include <unistd.h>
