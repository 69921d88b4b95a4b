// Registers AOSP's natives in OpenJDK: what libandroid_runtime's AndroidRuntime.cpp does in ART.
#include <stdio.h>
#include <string.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <android-base/properties.h>
#include <binder/IBinder.h>
#include <pthread.h>
#include <utils/String8.h>
#include <utils/Vector.h>
#include <utils/threads.h>
#define private public  // its virtual machine is set here
#include <android_runtime/AndroidRuntime.h>
#undef private
#include <nativehelper/JNIHelp.h>

#include "critical_natives.h"
#include "platform_natives.h"

int register_android_os_Binder(JNIEnv* env);
void register_libcore_util_NativeAllocationRegistry(JNIEnv* env);

namespace android {

int register_android_os_MessageQueue(JNIEnv* env);
int register_android_os_Parcel(JNIEnv* env);
int register_android_os_SystemClock(JNIEnv* env);
int register_android_os_SystemProperties(JNIEnv* env);
int register_android_util_Log(JNIEnv* env);

JavaVM* AndroidRuntime::mJavaVM = nullptr;

JNIEnv* AndroidRuntime::getJNIEnv() {
    JNIEnv* env = nullptr;
    if (mJavaVM == nullptr) return nullptr;
    return mJavaVM->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_4) == JNI_OK ? env : nullptr;
}

int AndroidRuntime::registerNativeMethods(JNIEnv* env, const char* type, const JNINativeMethod* methods, int count) {
    std::vector<JNINativeMethod> adapted;
    for (int at = 0; at < count; at++) adapted.push_back(adapted_for_openjdk(type, methods[at]));
    return jniRegisterNativeMethods(env, type, adapted.data(), count);
}

namespace {

struct ThreadStart {
    thread_func_t entry;
    void* data;
    std::string name;
};

int run_attached(void* given) {
    std::unique_ptr<ThreadStart> start(static_cast<ThreadStart*>(given));
    JNIEnv* env = nullptr;
    JavaVMAttachArgs arguments = {JNI_VERSION_1_4, const_cast<char*>(start->name.c_str()), nullptr};
    if (AndroidRuntime::mJavaVM->AttachCurrentThreadAsDaemon(&env, &arguments) != JNI_OK) return -1;
    int result = start->entry(start->data);
    AndroidRuntime::mJavaVM->DetachCurrentThread();
    return result;
}

}  // namespace

// libbinder's threads are libutils' threads: each becomes a Java thread before it runs, as on Android.
int AndroidRuntime::javaCreateThreadEtc(thread_func_t entry, void* data, const char* name, int32_t priority,
                                        size_t stack, thread_id_t* id) {
    return androidCreateRawThreadEtc(run_attached, new ThreadStart{entry, data, name}, name, priority, stack, id);
}

}  // namespace android

// libcutils has this on Android only.
extern "C" int property_get(const char* key, char* value, const char* otherwise) {
    constexpr size_t longest = 92;  // PROPERTY_VALUE_MAX
    std::string found = android::base::GetProperty(key, otherwise == nullptr ? "" : otherwise);
    return snprintf(value, longest, "%s", found.c_str());
}

extern "C" JNIEXPORT jint JNI_OnLoad(JavaVM* vm, void*) {
    using namespace android;
    AndroidRuntime::mJavaVM = vm;
    JNIEnv* env = AndroidRuntime::getJNIEnv();
    if (env == nullptr) return JNI_ERR;
    androidSetCreateThreadFunc(reinterpret_cast<android_create_thread_fn>(AndroidRuntime::javaCreateThreadEtc));
    // A class is initialised when its natives are registered, and uses those of others then.
    register_android_util_Log(env);
    register_android_os_SystemProperties(env);
    register_platform_natives(env);
    register_event_log(env);
    register_libcore_util_NativeAllocationRegistry(env);
    register_android_os_SystemClock(env);
    register_android_os_MessageQueue(env);
    register_android_os_Parcel(env);
    register_android_os_Binder(env);
    return JNI_VERSION_1_4;
}
