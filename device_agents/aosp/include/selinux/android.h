// Stands in for libselinux, Android's additions included: the guest has no policy, so every check passes, and every
// name has the label that Android gives an unknown service. What servicemanager refuses by user id and by name, it
// refuses here as well. For the program of Android 10, in C, and of 11, in C++.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef char* security_context_t;
typedef unsigned short security_class_t;

union selinux_callback {
    int (*func_log)(int type, const char* format, ...);
    int (*func_audit)(void* data, security_class_t the_class, char* buffer, size_t size);
};

enum { SELINUX_CB_LOG, SELINUX_CB_AUDIT };
enum { SELABEL_CTX_ANDROID_SERVICE };

struct selabel_handle {
    char unused;
};

static inline void selinux_set_callback(int type, union selinux_callback callback) {
    (void)type, (void)callback;
}

static inline int selinux_log_callback(int type, const char* format, ...) {
    (void)type, (void)format;
    return 0;
}

static inline int selinux_vendor_log_callback(int type, const char* format, ...) {
    (void)type, (void)format;
    return 0;
}

static inline int is_selinux_enabled(void) {
    return 0;
}

static inline int selinux_status_open(int fallback) {
    (void)fallback;
    return 0;
}

static inline int selinux_status_updated(void) {
    return 0;
}

static inline int getcon(char** context) {
    *context = strdup("u:r:servicemanager:s0");
    return *context ? 0 : -1;
}

// Only asked where the kernel sends no context with a transaction.
static inline int getpidcon(pid_t process, char** context) {
    (void)process;
    *context = strdup("u:r:shell:s0");
    return *context ? 0 : -1;
}

static inline int getfilecon(const char* path, char** context) {
    (void)path;
    *context = strdup("u:object_r:unlabeled:s0");
    return *context ? 0 : -1;
}

static inline void freecon(char* context) {
    free(context);
}

static inline int selinux_check_access(const char* source, const char* target, const char* the_class,
                                       const char* permission, void* audit_data) {
    (void)source, (void)target, (void)the_class, (void)permission, (void)audit_data;
    return 0;
}

static inline struct selabel_handle* selinux_android_service_context_handle(void) {
    static struct selabel_handle handle;
    return &handle;
}

static inline struct selabel_handle* selinux_android_vendor_service_context_handle(void) {
    return selinux_android_service_context_handle();
}

static inline int selabel_lookup(struct selabel_handle* handle, char** context, const char* name, int type) {
    (void)handle, (void)name, (void)type;
    *context = strdup("u:object_r:default_android_service:s0");
    return *context ? 0 : -1;
}

static inline void selabel_close(struct selabel_handle* handle) {
    (void)handle;
}
