/* Batches of operations: judged when they arrive, run later on the thread they are meant for. */
#pragma once

#include "protocol.h"

/*
 * What is wrong with the payload of a BATCH, PROMPT_BATCH or FORK frame, or NULL. Where nothing is wrong,
 * frame->results_size is the most that `struct results` and its answers can take.
 */
const char *batch_check(struct frame *frame);

/* Makes the results ready to be sent, and empty. */
void batch_begin(const struct frame *frame, struct results *results);

/*
 * Runs a batch that batch_check() passed, adding to results that batch_begin() made. They are fit to be
 * sent after each operation: another process that shares the memory can do so if this one dies in the next.
 */
void batch_run(const struct frame *frame, struct results *results);
