// The natives of dalvik.system.VMRuntime, libcore.io, android.os.Trace and android.os.Process that the classes used
// here call, and those of java.io.FileDescriptor that OpenJDK lacks. A native that is not here throws
// UnsatisfiedLinkError when it is called.
#include "platform_natives.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

template <typename Function>
JNINativeMethod method(const char* name, const char* signature, Function function) {
    return {const_cast<char*>(name), const_cast<char*>(signature), reinterpret_cast<void*>(function)};
}

// dalvik.system.VMRuntime: memory is OpenJDK's matter.
jboolean yes(JNIEnv*, jobject) {
    return JNI_TRUE;
}
jboolean no(JNIEnv*, jobject) {
    return JNI_FALSE;
}
void ignore_bytes(JNIEnv*, jobject, jlong) {}
void ignore_state(JNIEnv*, jobject, jint) {}
jint notify_interval(JNIEnv*, jclass) {
    return 1 << 30;
}
jobject new_array(JNIEnv* env, jobject, jclass type, jint length) {
    jclass array = env->FindClass("java/lang/reflect/Array");
    jmethodID make = env->GetStaticMethodID(array, "newInstance", "(Ljava/lang/Class;I)Ljava/lang/Object;");
    return env->CallStaticObjectMethod(array, make, type, length);
}

// libcore.io.Linux
jint own_uid(JNIEnv*, jobject) {
    return getuid();
}
jint own_effective_uid(JNIEnv*, jobject) {
    return geteuid();
}
jint own_gid(JNIEnv*, jobject) {
    return getgid();
}
jint own_pid(JNIEnv*, jobject) {
    return getpid();
}
jint own_parent(JNIEnv*, jobject) {
    return getppid();
}
jint own_tid(JNIEnv*, jobject) {
    return gettid();
}

void throw_errno(JNIEnv* env, const char* call, int number) {
    jclass type = env->FindClass("android/system/ErrnoException");
    jmethodID make = env->GetMethodID(type, "<init>", "(Ljava/lang/String;I)V");
    env->Throw(static_cast<jthrowable>(env->NewObject(type, make, env->NewStringUTF(call), number)));
}

// harness.runtime.FileDescriptors: OpenJDK's FileDescriptor has the number as Android's does, under another name.
jfieldID number_field(JNIEnv* env) {
    static const jfieldID field = env->GetFieldID(env->FindClass("java/io/FileDescriptor"), "fd", "I");
    return field;
}
jint number_of(JNIEnv* env, jclass, jobject descriptor) {
    return env->GetIntField(descriptor, number_field(env));
}
void set_number(JNIEnv* env, jclass, jobject descriptor, jint number) {
    env->SetIntField(descriptor, number_field(env), number);
}
jboolean is_socket(JNIEnv*, jclass, jint number) {
    struct stat status;
    return fstat(number, &status) == 0 && S_ISSOCK(status.st_mode);
}
void close_descriptor(JNIEnv* env, jobject, jobject descriptor) {
    const int number = number_of(env, nullptr, descriptor);
    set_number(env, nullptr, descriptor, -1);
    if (close(number) != 0) throw_errno(env, "close", errno);
}
// Only bionic knows who owns a descriptor; and no thread waits in java.io for one that is closed here.
void ignore_owner(JNIEnv*, jobject, jobject, jlong, jlong) {}
void ignore_descriptor(JNIEnv*, jclass, jobject) {}

// android.os.Trace: no tag is enabled.
jlong enabled_tags(JNIEnv*, jclass) {
    return 0;
}
void ignore_flag(JNIEnv*, jclass, jboolean) {}
void ignore_tag(JNIEnv*, jclass, jlong) {}
void ignore_name(JNIEnv*, jclass, jlong, jstring) {}
void ignore_value(JNIEnv*, jclass, jlong, jstring, jlong) {}
void ignore_cookie(JNIEnv*, jclass, jlong, jstring, jint) {}

// android.os.Process: there are no groups of processes.
void set_priority_of(JNIEnv*, jclass, jint tid, jint priority) {
    setpriority(PRIO_PROCESS, tid, priority);
}
void set_priority(JNIEnv*, jclass, jint priority) {
    setpriority(PRIO_PROCESS, 0, priority);
}
jint get_priority(JNIEnv*, jclass, jint tid) {
    return getpriority(PRIO_PROCESS, tid);
}
void ignore_group(JNIEnv*, jclass, jint, jint) {}
jint set_user(JNIEnv*, jclass, jint uid) {
    return setuid(uid) == 0 ? 0 : errno;
}
jint set_group(JNIEnv*, jclass, jint gid) {
    return setgid(gid) == 0 ? 0 : errno;
}
void send_signal(JNIEnv*, jclass, jint pid, jint signal) {
    kill(pid, signal);
}

}  // namespace

void register_natives(JNIEnv* env, const char* type, const JNINativeMethod* methods, int count) {
    jclass found = env->FindClass(type);
    if (found == nullptr || env->RegisterNatives(found, methods, count) != JNI_OK) {
        env->ExceptionDescribe();
        fprintf(stderr, "%s does not have the natives that are registered here\n", type);
        abort();
    }
}

void register_platform_natives(JNIEnv* env) {
    const JNINativeMethod runtime[] = {
        method("is64Bit", "()Z", yes),
        method("isNativeDebuggable", "()Z", no),
        method("isJavaDebuggable", "()Z", no),
        method("registerNativeAllocation", "(J)V", ignore_bytes),
        method("registerNativeFree", "(J)V", ignore_bytes),
        method("getNotifyNativeInterval", "()I", notify_interval),
        method("newUnpaddedArray", "(Ljava/lang/Class;I)Ljava/lang/Object;", new_array),
        method("updateProcessState", "(I)V", ignore_state),
        method("newNonMovableArray", "(Ljava/lang/Class;I)Ljava/lang/Object;", new_array),
    };
    register_natives(env, "dalvik/system/VMRuntime", runtime);
    const JNINativeMethod linux_calls[] = {
        method("getuid", "()I", own_uid),
        method("geteuid", "()I", own_effective_uid),
        method("getgid", "()I", own_gid),
        method("getpid", "()I", own_pid),
        method("getppid", "()I", own_parent),
        method("gettid", "()I", own_tid),
        method("close", "(Ljava/io/FileDescriptor;)V", close_descriptor),
        method("android_fdsan_exchange_owner_tag", "(Ljava/io/FileDescriptor;JJ)V", ignore_owner),
    };
    register_natives(env, "libcore/io/Linux", linux_calls);
    const JNINativeMethod descriptors[] = {
        method("number", "(Ljava/io/FileDescriptor;)I", number_of),
        method("setNumber", "(Ljava/io/FileDescriptor;I)V", set_number),
        method("isSocket", "(I)Z", is_socket),
    };
    register_natives(env, "harness/runtime/FileDescriptors", descriptors);
    const JNINativeMethod monitor[] = {
        method("signalBlockedThreads", "(Ljava/io/FileDescriptor;)V", ignore_descriptor),
    };
    register_natives(env, "libcore/io/AsynchronousCloseMonitor", monitor);
    const JNINativeMethod trace[] = {
        method("nativeGetEnabledTags", "()J", enabled_tags),
        method("nativeSetAppTracingAllowed", "(Z)V", ignore_flag),
        method("nativeSetTracingEnabled", "(Z)V", ignore_flag),
        method("nativeTraceCounter", "(JLjava/lang/String;J)V", ignore_value),
        method("nativeTraceBegin", "(JLjava/lang/String;)V", ignore_name),
        method("nativeTraceEnd", "(J)V", ignore_tag),
        method("nativeAsyncTraceBegin", "(JLjava/lang/String;I)V", ignore_cookie),
        method("nativeAsyncTraceEnd", "(JLjava/lang/String;I)V", ignore_cookie),
    };
    register_natives(env, "android/os/Trace", trace);
    const JNINativeMethod process[] = {
        method("setThreadPriority", "(II)V", set_priority_of),
        method("setThreadPriority", "(I)V", set_priority),
        method("getThreadPriority", "(I)I", get_priority),
        method("setThreadGroup", "(II)V", ignore_group),
        method("setProcessGroup", "(II)V", ignore_group),
        method("setUid", "(I)I", set_user),
        method("setGid", "(I)I", set_group),
        method("sendSignal", "(II)V", send_signal),
        method("sendSignalQuiet", "(II)V", send_signal),
    };
    register_natives(env, "android/os/Process", process);
}
