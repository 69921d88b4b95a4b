// Stands in for a header of libcutils, by which libbinder asks whether the system has booted: it has. Then getService
// waits for a second between its attempts, not for a tenth of one.
#pragma once

#include <string.h>

enum { PROPERTY_VALUE_MAX = 92 };  // PROP_VALUE_MAX of bionic's <sys/system_properties.h>

static inline int property_get(const char* key, char* value, const char* otherwise) {
    const char* text = strcmp(key, "sys.boot_completed") == 0 ? "1" : otherwise;
    strncpy(value, text, PROPERTY_VALUE_MAX);
    return static_cast<int>(strlen(text));
}
