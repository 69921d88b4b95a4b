/* Enforces a security policy as Android does, on a device whose image has one. */
#pragma once

#include <stdbool.h>

/* Whether the image has a policy: then the device is as strict as a phone. */
bool has_policy(void);

/* Enforces the policy, in the first process, before anything else is there: the same program starts again, as init's
 * domain. Does nothing without a policy, and the second time; returns false where it failed. */
bool enforce_policy(int argc, char **argv);

/* Labels what is in memory, as Android's file_contexts do; whatever is made later has the label of its directory. */
void label_files(void);
void label(const char *path, const char *type);

/* What Android's init sets so that others see less. */
void restrict_sight(void);

/* The domain of the program that this process executes next; none without a policy. */
void enter_domain_on_exec(const char *domain);
