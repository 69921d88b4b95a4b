// Stands in for Android's libselinux: the guest has no policy, and no label of Android's to run under.
#pragma once

inline int selinux_android_setcon(const char*) {
    return 0;
}
