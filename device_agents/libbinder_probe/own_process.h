// What /proc shows of this process, and how it waits and ends.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "answer.h"

// The descriptors on, and the mappings of, files whose path contains "binder".
void add_binder_files(Answer& answer);

// Returns true when standard input has ended, false when `seconds` are over before (never, where not given).
bool input_ends(std::optional<double> seconds = std::nullopt);

// Runs `action` in a forked child: its answer, how the child ended, what it logged. SIGALRM ends a child that takes
// longer than five seconds.
Answer in_forked_child(const std::function<std::string()>& action);
