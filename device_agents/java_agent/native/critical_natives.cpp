// ART calls a method marked @CriticalNative with its arguments alone. Any other virtual machine passes JNIEnv and class
// first, which AOSP's function would take for its arguments. So each gets a function that leaves them out.
#include "critical_natives.h"

#include <string.h>

#include <utility>

namespace {

constexpr struct {
    const char* type;
    const char* method;
} critical[] = {
#include "critical_natives.inc"
};
constexpr size_t critical_count = sizeof critical / sizeof *critical;
void* targets[critical_count];

// They have at most four integers and one floating-point number as arguments, which come in registers of their own; a
// float is passed on unconverted, in the lower half of its register. Results are of either kind.
template <size_t index, typename Result>
Result forward(JNIEnv*, jclass, jlong a, jlong b, jlong c, jlong d, jdouble number) {
    return reinterpret_cast<Result (*)(jlong, jlong, jlong, jlong, jdouble)>(targets[index])(a, b, c, d, number);
}

template <size_t... indexes>
void* forwarder(size_t wanted, char result, std::index_sequence<indexes...>) {
    static void* const integer[] = {reinterpret_cast<void*>(forward<indexes, jlong>)...};
    static void* const floating[] = {reinterpret_cast<void*>(forward<indexes, jdouble>)...};
    return result == 'F' || result == 'D' ? floating[wanted] : integer[wanted];
}

}  // namespace

JNINativeMethod adapted_for_openjdk(const char* type, const JNINativeMethod& method) {
    JNINativeMethod adapted = method;
    for (size_t at = 0; at < critical_count; at++) {
        if (strcmp(critical[at].type, type) == 0 && strcmp(critical[at].method, method.name) == 0) {
            targets[at] = method.fnPtr;
            char result = strchr(method.signature, ')')[1];
            adapted.fnPtr = forwarder(at, result, std::make_index_sequence<critical_count>());
        }
    }
    return adapted;
}
