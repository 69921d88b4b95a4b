// Stands in for a header of Android's libselinux, with what adbd calls of it (security.cpp).
#pragma once

int selinux_android_setcon(const char* context);
