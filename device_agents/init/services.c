/* Starts services, restarts those that end, and finds out when they are ready. */
#include "services.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "security.h"

#define ANDROIDS_SERVICEMANAGER "/system/bin/servicemanager"

enum { ADBD_PORT = 5555, LISTENING = 10 }; /* TCP_LISTEN (include/net/tcp_states.h) */
enum { SYSTEM_USER = 1000 };               /* AID_SYSTEM (AOSP, private/android_filesystem_config.h) */

enum { ADBD, CHANNEL_SERVER, SERVICE_MANAGER, HARDWARE_MANAGER, VENDOR_MANAGER, SERVICES };
static struct service {
    const char *program;  /* NULL for none */
    const char *name;     /* by which it is called, where that is not its path */
    const char *argument; /* NULL for none */
    const char *domain;
    uid_t user;
    pid_t process; /* 0 while it is not running */
    time_t started;
} services[SERVICES] = {
    /* The label that it takes as root, where the policy has it (AOSP, adb/daemon/main.cpp). */
    [ADBD] = {.program = "/system/bin/adbd", .argument = "--root_seclabel=u:r:su:s0", .domain = "adbd"},
    [CHANNEL_SERVER] = {.program = "/system/bin/channel_server", .domain = "channel_server"},
    [SERVICE_MANAGER] = {.program = ANDROIDS_SERVICEMANAGER, .domain = "servicemanager"},
    /* Its program is several in one, which goes by the name that it is called by (aosp/commands.cpp). */
    [HARDWARE_MANAGER] = {.name = ANDROIDS_SERVICEMANAGER,
                          .argument = "/dev/hwbinder",
                          .domain = "hwservicemanager",
                          .user = SYSTEM_USER},
    [VENDOR_MANAGER] = {.name = ANDROIDS_SERVICEMANAGER,
                        .argument = "/dev/vndbinder",
                        .domain = "vndservicemanager",
                        .user = SYSTEM_USER},
};

/* Without servicemanager these commands would wait for ever: no_servicemanager replaces them with an error. */
static void leave_out_servicemanager(void)
{
    static const char *const commands[] = {"cmd", "dumpsys", "service"};
    services[SERVICE_MANAGER].program = NULL;
    check(mkdir("/system/aosp", 0755), "/system/aosp");
    for (size_t index = 0; index < sizeof commands / sizeof commands[0]; index++) {
        char itself[64], shadow[64];
        snprintf(itself, sizeof itself, "/system/aosp/%s", commands[index]);
        snprintf(shadow, sizeof shadow, "/system/bin/%s", commands[index]);
        check(symlink("/system/bin/aosp_commands", itself), itself);
        unlink(shadow);
        check(symlink("no_servicemanager", shadow), shadow);
    }
}

/* As on Android, by the names and as the user that they have there (vndservicemanager.rc, hwservicemanager.rc); for
 * vndbinder AOSP builds the same source under another name, and for hwbinder it takes the place of hwservicemanager. */
static void add_managers(void)
{
    services[HARDWARE_MANAGER].program = "/system/bin/hwservicemanager";
    services[VENDOR_MANAGER].program = "/vendor/bin/vndservicemanager";
    check(mkdir("/vendor", 0755), "/vendor");
    check(mkdir("/vendor/bin", 0755), "/vendor/bin");
    for (int index = HARDWARE_MANAGER; index <= VENDOR_MANAGER; index++)
        check(symlink(ANDROIDS_SERVICEMANAGER, services[index].program), services[index].program);
}

/* See USERLAND and MANAGERS in emulator/embedded/device.py. */
void choose_managers(void)
{
    char arguments[4096];
    read_file("/proc/cmdline", arguments, sizeof arguments);
    if (strstr(arguments, "binder_harness.userland=none"))
        leave_out_servicemanager();
    if (strstr(arguments, "binder_harness.managers=all"))
        add_managers();
}

static void start(struct service *service)
{
    service->started = time(NULL);
    service->process = fork();
    check(service->process, service->program);
    if (service->process != 0)
        return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    enter_domain_on_exec(service->domain); /* before setuid, after which a process may not write that */
    check(setuid(service->user), service->program);
    execl(service->program, service->name != NULL ? service->name : service->program, service->argument, (char *)NULL);
    check(-1, service->program);
    _exit(127);
}

bool start_services(void)
{
    bool all = true;
    for (int index = 0; index < SERVICES; index++) {
        struct service *service = &services[index];
        if (service->program == NULL || service->process > 0)
            continue;
        if (service->started != time(NULL))
            start(service);
        all = all && service->process > 0;
    }
    return all;
}

void collect_ended(void)
{
    for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) > 0;)
        for (int index = 0; index < SERVICES; index++)
            if (services[index].process == ended)
                services[index].process = 0;
}

static bool listens(const char *table)
{
    char rows[4096];
    read_file(table, rows, sizeof rows);
    for (char *row = rows; (row = strchr(row, '\n')) != NULL; row++) {
        unsigned port, state;
        if (sscanf(row, " %*d: %*[0-9A-F]:%X %*[0-9A-F]:%*X %X", &port, &state) == 2 && port == ADBD_PORT &&
            state == LISTENING)
            return true;
    }
    return false;
}

/* Only context managers have nodes from the start, in the driver's debug files; true where there are none. */
static bool have_context_managers(int expected)
{
    DIR *processes = opendir("/sys/kernel/debug/binder/proc");
    if (processes == NULL)
        processes = opendir("/dev/binderfs/binder_logs/proc");
    if (processes == NULL)
        return true;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char state[4096];
        int file = openat(dirfd(processes), entry->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t count = read(file, state, sizeof state - 1);
        state[count < 0 ? 0 : count] = '\0';
        expected -= strstr(state, "\n  node ") != NULL;
        close(file);
    }
    closedir(processes);
    return expected <= 0;
}

/* adb must not connect earlier: its next attempt would be seconds later. */
bool services_ready(void)
{
    int managers = 0;
    for (int index = SERVICE_MANAGER; index < SERVICES; index++)
        managers += services[index].program != NULL;
    return (listens("/proc/net/tcp") || listens("/proc/net/tcp6")) && have_context_managers(managers);
}
