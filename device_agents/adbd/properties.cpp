// Stands in for libbase's properties.cpp, which off Android forgets everything when the process ends.
// Here a property is a file below /dev/__properties__, which getprop and setprop read and write too (commands/): so
// "adb unroot" outlives the adbd that was asked, as it does with Android's property service.

#include <android-base/properties.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <android-base/file.h>
#include <android-base/logging.h>
#include <android-base/parsebool.h>
#include <android-base/strings.h>

namespace android::base {

static std::string PathOf(const std::string& key) {
    return "/dev/__properties__/" + key;
}

std::string GetProperty(const std::string& key, const std::string& default_value) {
    std::string value;
    ReadFileToString(PathOf(key), &value);
    value = Trim(value);
    return value.empty() ? default_value : value;
}

bool GetBoolProperty(const std::string& key, bool default_value) {
    switch (ParseBool(GetProperty(key, ""))) {
        case ParseBoolResult::kFalse:
            return false;
        case ParseBoolResult::kTrue:
            return true;
        case ParseBoolResult::kError:
            return default_value;
    }
}

// A reader sees the old value or the new one: the file is renamed into place.
bool SetProperty(const std::string& key, const std::string& value) {
    const std::string path = PathOf(key);
    const std::string draft = PathOf("." + key + "." + std::to_string(getpid()));
    if (!WriteStringToFile(value + "\n", draft) || rename(draft.c_str(), path.c_str()) != 0) {
        PLOG(ERROR) << "cannot set property " << key;
        unlink(draft.c_str());
        return false;
    }
    return true;
}

}  // namespace android::base

// Stands in for liblog's, which the Makefile renames: off Android it takes every device for debuggable.
extern "C" int __android_log_is_debuggable() {
    return android::base::GetBoolProperty("ro.debuggable", false);
}
