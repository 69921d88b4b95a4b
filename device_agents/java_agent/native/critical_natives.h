#pragma once

#include <jni.h>

// A native method as OpenJDK is to have it: methods that Android marks @CriticalNative get a function of this library
// in front of AOSP's.
JNINativeMethod adapted_for_openjdk(const char* type, const JNINativeMethod& method);
