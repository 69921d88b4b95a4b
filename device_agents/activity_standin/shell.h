// `cmd activity …`: the shell commands of ActivityManagerShellCommand.java that the stand-in has.
#pragma once

#include <binder/Parcel.h>

class ActivityManager;

// Carries out a SHELL_COMMAND_TRANSACTION, and sends the exit status to whoever asked.
android::status_t shell_command(ActivityManager& manager, const android::Parcel& data);
