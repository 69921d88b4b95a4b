// What AOSP's libnativehelper knows of java.io.FileDescriptor and others, as OpenJDK has them.
#include "JniConstants.h"

namespace {
jclass find_class(JNIEnv* env, const char* name) {
    return static_cast<jclass>(env->NewGlobalRef(env->FindClass(name)));
}
}  // namespace

jclass JniConstants::GetFileDescriptorClass(JNIEnv* env) {
    static jclass found = find_class(env, "java/io/FileDescriptor");
    return found;
}
jclass JniConstants::GetReferenceClass(JNIEnv* env) {
    static jclass found = find_class(env, "java/lang/ref/Reference");
    return found;
}
jclass JniConstants::GetStringClass(JNIEnv* env) {
    static jclass found = find_class(env, "java/lang/String");
    return found;
}
jclass JniConstants::GetNioBufferClass(JNIEnv* env) {
    static jclass found = find_class(env, "java/nio/Buffer");
    return found;
}
jfieldID JniConstants::GetFileDescriptorDescriptorField(JNIEnv* env) {
    static jfieldID found = env->GetFieldID(GetFileDescriptorClass(env), "fd", "I");
    return found;
}
jmethodID JniConstants::GetFileDescriptorInitMethod(JNIEnv* env) {
    static jmethodID found = env->GetMethodID(GetFileDescriptorClass(env), "<init>", "()V");
    return found;
}
jmethodID JniConstants::GetReferenceGetMethod(JNIEnv* env) {
    static jmethodID found = env->GetMethodID(GetReferenceClass(env), "get", "()Ljava/lang/Object;");
    return found;
}
// Of Android's own java.nio and FileDescriptor.ownerId OpenJDK has nothing: none of the code built here asks.
#define ABSENT_CLASS(name)               \
    jclass JniConstants::name(JNIEnv*) { \
        return nullptr;                  \
    }
#define ABSENT_FIELD(name)                 \
    jfieldID JniConstants::name(JNIEnv*) { \
        return nullptr;                    \
    }
#define ABSENT_METHOD(name)                 \
    jmethodID JniConstants::name(JNIEnv*) { \
        return nullptr;                     \
    }
ABSENT_CLASS(GetNioAccessClass)
ABSENT_FIELD(GetFileDescriptorOwnerIdField)
ABSENT_FIELD(GetNioBufferAddressField)
ABSENT_FIELD(GetNioBufferElementSizeShiftField)
ABSENT_FIELD(GetNioBufferLimitField)
ABSENT_FIELD(GetNioBufferPositionField)
ABSENT_METHOD(GetNioAccessGetBaseArrayMethod)
ABSENT_METHOD(GetNioAccessGetBaseArrayOffsetMethod)
ABSENT_METHOD(GetNioBufferArrayMethod)
ABSENT_METHOD(GetNioBufferArrayOffsetMethod)
void JniConstants::EnsureClassReferencesInitialized(JNIEnv*) {}
void JniConstants::Uninitialize() {}
