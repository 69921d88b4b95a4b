/* Batches run by a forked child, for what a child inherits and what it does not. */
#pragma once

#include "protocol.h"

/*
 * Answers a FORK frame that batch_check() passed. The child runs the batch, then sleeps until it is killed,
 * with the agent at the latest. It is an ordinary child: whoever kills it earlier reaps it with wait4().
 */
void fork_serve(const struct frame *frame);
