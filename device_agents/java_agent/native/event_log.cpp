// android.util.EventLog without a log daemon: each event goes to harness.agent.Events, which the host asks.
#include "platform_natives.h"

namespace {

jclass events;
jmethodID add_event;

jint add(JNIEnv* env, jint tag, jobject values) {
    env->CallStaticVoidMethod(events, add_event, tag, values);
    return 1;  // bytes written, which nobody uses
}

jobject boxed(JNIEnv* env, const char* type, const char* signature, jvalue value) {
    jclass box = env->FindClass(type);
    return env->CallStaticObjectMethodA(box, env->GetStaticMethodID(box, "valueOf", signature), &value);
}

jint write_int(JNIEnv* env, jclass, jint tag, jint value) {
    return add(env, tag, boxed(env, "java/lang/Integer", "(I)Ljava/lang/Integer;", {.i = value}));
}
jint write_long(JNIEnv* env, jclass, jint tag, jlong value) {
    return add(env, tag, boxed(env, "java/lang/Long", "(J)Ljava/lang/Long;", {.j = value}));
}
jint write_float(JNIEnv* env, jclass, jint tag, jfloat value) {
    return add(env, tag, boxed(env, "java/lang/Float", "(F)Ljava/lang/Float;", {.f = value}));
}
jint write_string(JNIEnv* env, jclass, jint tag, jstring value) {
    return add(env, tag, value);
}
jint write_list(JNIEnv* env, jclass, jint tag, jobjectArray values) {
    return add(env, tag, values);
}

}  // namespace

void register_event_log(JNIEnv* env) {
    events = static_cast<jclass>(env->NewGlobalRef(env->FindClass("harness/agent/Events")));
    add_event = env->GetStaticMethodID(events, "add", "(ILjava/lang/Object;)V");
    const JNINativeMethod methods[] = {
        {const_cast<char*>("writeEvent"), const_cast<char*>("(II)I"), reinterpret_cast<void*>(write_int)},
        {const_cast<char*>("writeEvent"), const_cast<char*>("(IJ)I"), reinterpret_cast<void*>(write_long)},
        {const_cast<char*>("writeEvent"), const_cast<char*>("(IF)I"), reinterpret_cast<void*>(write_float)},
        {const_cast<char*>("writeEvent"), const_cast<char*>("(ILjava/lang/String;)I"),
         reinterpret_cast<void*>(write_string)},
        {const_cast<char*>("writeEvent"), const_cast<char*>("(I[Ljava/lang/Object;)I"),
         reinterpret_cast<void*>(write_list)},
    };
    register_natives(env, "android/util/EventLog", methods);
}
