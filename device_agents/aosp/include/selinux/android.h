// Stands in for libselinux, Android's additions included. Where the kernel enforces a policy, it is asked; elsewhere
// every check passes. What servicemanager refuses by user id and by name, it refuses here as well. For the program of
// Android 10, in C, and of 11, in C++.
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define SELINUXFS "/sys/fs/selinux/"

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

static inline bool a_policy_is_enforced(void) {
    return access(SELINUXFS "enforce", F_OK) == 0;
}

// The text in a file of the kernel's, or else `otherwise`, for the caller to free.
static inline int read_context(const char* path, const char* otherwise, char** context) {
    char text[256] = "";
    const int file = a_policy_is_enforced() ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    *context = strdup(size > 0 ? text : otherwise);
    return *context ? 0 : -1;
}

static inline int getcon(char** context) {
    return read_context("/proc/thread-self/attr/current", "u:r:servicemanager:s0", context);
}

// Only asked where the kernel sends no context with a transaction.
static inline int getpidcon(pid_t process, char** context) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/attr/current", (int)process);
    return read_context(path, "u:r:shell:s0", context);
}

static inline int getfilecon(const char* path, char** context) {
    (void)path;
    *context = strdup("u:object_r:unlabeled:s0");
    return *context ? 0 : -1;
}

static inline void freecon(char* context) {
    free(context);
}

// The number that selinuxfs gives a class or a permission; 0 where the policy has none of that name.
static inline unsigned number_of(const char* the_class, const char* rest) {
    char path[128], text[16] = "";
    snprintf(path, sizeof path, SELINUXFS "class/%s/%s", the_class, rest);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    return size > 0 ? (unsigned)strtoul(text, NULL, 10) : 0;
}

// The kernel answers with what it allows, as bits, and with flags, of which bit 0 means a permissive domain
// (security/selinux/selinuxfs.c, sel_write_access; libselinux, SELINUX_AVD_FLAGS_PERMISSIVE).
static inline int selinux_check_access(const char* source, const char* target, const char* the_class,
                                       const char* permission, void* audit_data) {
    (void)audit_data;
    if (!a_policy_is_enforced()) return 0;
    char name[64], text[512];
    unsigned allowed = 0, flags = 0;
    snprintf(name, sizeof name, "perms/%s", permission);
    const unsigned bit = number_of(the_class, name);
    const int size = snprintf(text, sizeof text, "%s %s %u", source, target, number_of(the_class, "index"));
    const int file = open(SELINUXFS "access", O_RDWR | O_CLOEXEC);
    if (file < 0) return -1;
    const bool asked = write(file, text, (size_t)size) == size;
    const ssize_t answered = asked ? read(file, text, sizeof text - 1) : 0;
    close(file);
    if (answered <= 0) return -1;
    text[answered] = '\0';
    const int fields = sscanf(text, "%x %*x %*x %*x %*u %x", &allowed, &flags);
    const bool permitted = bit > 0 && (allowed >> (bit - 1) & 1);
    return fields == 2 && (permitted || (flags & 1)) ? 0 : -1;
}

static inline struct selabel_handle* selinux_android_service_context_handle(void) {
    static struct selabel_handle handle;
    return &handle;
}

static inline struct selabel_handle* selinux_android_vendor_service_context_handle(void) {
    return selinux_android_service_context_handle();
}

static inline int selabel_lookup(struct selabel_handle* handle, char** context, const char* name, int type) {
    (void)handle, (void)type;
    // Of Android's service_contexts (system/sepolicy/private) the names that are to be had here.
    const char* label = strcmp(name, "activity") == 0  ? "u:object_r:activity_service:s0"
                        : strcmp(name, "manager") == 0 ? "u:object_r:service_manager_service:s0"
                                                       : "u:object_r:default_android_service:s0";
    *context = strdup(label);
    return *context ? 0 : -1;
}

static inline void selabel_close(struct selabel_handle* handle) {
    (void)handle;
}
