// The commands. Each prints its answers and returns the exit status.
#pragma once

#include "options.h"

enum ExitStatus {
    DONE = 0,
    REFUSED = 1,  // libbinder or the service manager refused, or no service has that name
    USAGE = 64,   // EX_USAGE of <sysexits.h>
    TOO_LATE = 124,
};

// process_state.cpp
int show_state(const Options& options);
int ping_context_object(const Options& options);
int use_missing_driver(const Options& options);
int use_after_fork(const Options& options);

// service_manager.cpp
int register_services(const Options& options);
int get_service(const Options& options);
int check_service(const Options& options);
int wait_for_service(const Options& options);
int list_services(const Options& options);
int call_service(const Options& options);
int await_death(const Options& options);
