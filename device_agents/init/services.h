/* The programs that run for as long as the device does. */
#pragma once

#include <stdbool.h>

/* Which servicemanager runs, or that none does: the host says so on the kernel's command line. */
void choose_servicemanager(void);

/* Starts those that do not run, and had not been started within this second; false where one does not run even so. */
bool start_services(void);

/* Takes note of all processes that have ended. */
void collect_ended(void);

/* Whether adbd listens, and servicemanager, where there is one, has become context manager. */
bool services_ready(void);
