/* The threads that run batches: each has a queue of its own, so that one that blocks holds up no other. */
#pragma once

#include <signal.h>

#include "protocol.h"

/* Makes a blocked system call return EINTR. Ignored by default, so a late one does no harm. */
enum { INTERRUPT_SIGNAL = SIGURG };

/*
 * Reads the input to its end, and the process ends with it. Each frame goes to `dispatch`, which calls the functions
 * below, on the thread that reads.
 */
_Noreturn void threads_read_input(void (*dispatch)(struct frame *frame));

/* Must run before the first thread starts. */
void threads_catch_interrupts(void);

/* Starts the threads that the agent has when it sends HELLO. */
void threads_start_first(uint32_t tids[FIRST_THREADS]);

/* Starts a thread and answers the frame. */
void threads_start(const struct frame_header *header);

/* Queues a frame that passed batch_check() for its thread, which frees it. False: no such thread. */
bool threads_submit(struct frame *frame);

/*
 * Signals the thread if it is running this request. A signal just before the call blocks is lost, so the host
 * repeats it until the answer arrives. False: no such thread.
 */
bool threads_interrupt(const struct frame_header *header);
