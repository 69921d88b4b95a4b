// What Android's libraries have for Android alone, or for another C library than glibc.
#include <stdint.h>
#include <string.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <binder/IBinder.h>
#include <utils/threads.h>
#define private public  // its virtual machine is set in registration.cpp
#include <android_runtime/AndroidRuntime.h>
#undef private

JavaVM* android::AndroidRuntime::getJavaVM() {
    return mJavaVM;
}

extern "C" {
// libcutils: no tag of tracing is enabled.
uint64_t atrace_get_enabled_tags() {
    return 0;
}
void atrace_begin_body(const char*) {}
void atrace_end_body() {}

// libbase
int posix_strerror_r(int number, char* buffer, size_t size) {
    const char* text = strerror_r(number, buffer, size);
    if (text != buffer && size > 0) strncpy(buffer, text, size - 1)[size - 1] = '\0';
    return 0;
}
}
