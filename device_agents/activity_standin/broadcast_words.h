// What the words after `broadcast` say, taken as Intent.parseCommandArgs of Android 11 takes them.
#pragma once

#include "parcelables.h"

struct BroadcastWords {
    Intent intent;
    int32_t user;
};

// Nothing where Android refuses the words, or the stand-in does: `exception` is then what there is to say, as Java
// prints an exception.
std::optional<BroadcastWords> read_broadcast_words(std::vector<std::string> words, std::string* exception);
