// What AOSP's libnativehelper, in C, knows of java.io.FileDescriptor, as OpenJDK has it.
#include <jni.h>

namespace {
jclass file_descriptor(JNIEnv* env) {
    static jclass found = static_cast<jclass>(env->NewGlobalRef(env->FindClass("java/io/FileDescriptor")));
    return found;
}
jfieldID number(JNIEnv* env) {
    static jfieldID found = env->GetFieldID(file_descriptor(env), "fd", "I");
    return found;
}
}  // namespace

extern "C" {
jclass JniConstants_FileDescriptorClass(JNIEnv* env) {
    return file_descriptor(env);
}
jobject AFileDescriptor_create(JNIEnv* env) {
    static jmethodID make = env->GetMethodID(file_descriptor(env), "<init>", "()V");
    return env->NewObject(file_descriptor(env), make);
}
int AFileDescriptor_getFd(JNIEnv* env, jobject descriptor) {
    return env->GetIntField(descriptor, number(env));
}
void AFileDescriptor_setFd(JNIEnv* env, jobject descriptor, int fd) {
    env->SetIntField(descriptor, number(env), fd);
}
jobject jniCreateFileDescriptor(JNIEnv* env, int fd) {
    jobject made = AFileDescriptor_create(env);
    AFileDescriptor_setFd(env, made, fd);
    return made;
}
int jniGetFDFromFileDescriptor(JNIEnv* env, jobject descriptor) {
    return descriptor == nullptr ? -1 : AFileDescriptor_getFd(env, descriptor);
}
void jniSetFileDescriptorOfFD(JNIEnv* env, jobject descriptor, int fd) {
    AFileDescriptor_setFd(env, descriptor, fd);
}
}
