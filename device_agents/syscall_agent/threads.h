/* The threads that run batches: each has a queue of its own, so that one that blocks holds up no other. */
#pragma once

#include <signal.h>

#include "protocol.h"

/* Makes a blocked system call return EINTR. Ignored by default: one that comes late does no harm anywhere. */
enum { INTERRUPT_SIGNAL = SIGURG };

/*
 * Reads the input to its end, and the process ends with it. Each frame goes to `dispatch`, which calls the functions
 * below, on whatever thread happens to read.
 */
_Noreturn void threads_read_input(void (*dispatch)(struct frame *frame));

/* Must run before the first thread starts. */
void threads_catch_interrupts(void);

/* Starts the threads that the agent has when it greets. */
void threads_start_first(uint32_t tids[FIRST_THREADS]);

/* Starts a thread and answers the frame. */
void threads_start(const struct frame_header *header);

/* Hands a frame that passed batch_check() to its thread, which frees it. False: no such one. */
bool threads_submit(struct frame *frame);

/*
 * Signals the thread if it is at this very request. The signal is lost where it comes just before the call
 * blocks: the host repeats it until the answer is there. False: no such thread.
 */
bool threads_interrupt(const struct frame_header *header);
