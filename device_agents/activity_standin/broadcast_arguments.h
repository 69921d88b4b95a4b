// The arguments of `broadcast`, parsed as Intent.parseCommandArgs of Android 11 parses them.
#pragma once

#include "parcelables.h"

struct BroadcastArguments {
    Intent intent;
    int32_t user;
};

// Nothing where Android, or the stand-in, refuses the arguments: `exception` is then the message, as Java prints an
// exception.
std::optional<BroadcastArguments> read_broadcast_arguments(std::vector<std::string> arguments, std::string* exception);
