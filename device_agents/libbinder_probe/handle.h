// The handle of a proxy, for which libbinder has had another name since Android 12.
#pragma once

#include <binder/BpBinder.h>

inline int32_t handle_of(const android::sp<android::IBinder>& proxy) {
#if ANDROID_GENERATION < 12
    return proxy->remoteBinder()->handle();
#else
    return proxy->remoteBinder()->getDebugBinderHandle().value_or(-1);
#endif
}
