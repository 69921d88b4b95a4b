/* Batches of operations: checked when they arrive, run later on their thread. */
#pragma once

#include "protocol.h"

/*
 * What is wrong with the payload of a frame that holds a batch, or NULL. Where nothing is wrong,
 * frame->results_size is the most that `struct results` and its answers can take.
 */
const char *batch_check(struct frame *frame);

/* Makes the results ready to be sent, and empty. */
void batch_begin(const struct frame *frame, struct results *results);

/*
 * Runs a batch that batch_check() passed, adding to results that batch_begin() made. They are fit to be
 * sent after each operation: a process that shares the memory can send them if this one dies in the next.
 */
void batch_run(const struct frame *frame, struct results *results);
