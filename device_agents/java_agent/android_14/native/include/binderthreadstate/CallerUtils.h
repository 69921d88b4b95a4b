// Who calls: without hwbinder only Binder can. Its own header needs that of hwbinder.
#pragma once

#include <binder/IPCThreadState.h>

namespace android {

enum class BinderCallType {
    NONE,
    BINDER,
    HWBINDER,
};

inline BinderCallType getCurrentServingCall() {
    const IPCThreadState* state = IPCThreadState::selfOrNull();
    return state != nullptr && state->getServingStackPointer() != nullptr ? BinderCallType::BINDER
                                                                          : BinderCallType::NONE;
}

}  // namespace android
