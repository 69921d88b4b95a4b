/* The services: programs that run as long as the device does. */
#pragma once

#include <stdbool.h>

/* Chooses the servicemanager, or none, and those of the other devices, as the kernel command line asks. */
void choose_managers(void);

/* Starts services that are not running, each at most once a second; false where one is still not running. */
bool start_services(void);

/* Reaps all processes that have ended. */
void collect_ended(void);

/* Whether adbd listens, and each service manager has become context manager. */
bool services_ready(void);
