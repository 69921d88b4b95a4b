#pragma once

#include <jni.h>

// Natives of this library in the place of Android's, for classes whose own need a phone.
void register_platform_natives(JNIEnv* env);
void register_event_log(JNIEnv* env);
void register_natives(JNIEnv* env, const char* type, const JNINativeMethod* methods, int count);

template <int count>
void register_natives(JNIEnv* env, const char* type, const JNINativeMethod (&methods)[count]) {
    register_natives(env, type, methods, count);
}
