/*
 * First process of the device: makes what Android's init would have made for adbd and Binder, keeps its services
 * running, and tells the console when they can be used.
 *
 * It starts no other program for that. Under emulation, code that runs for the first time is translated first: a
 * shell with its commands would take longer here than the kernel's own modules do.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MODULES "/lib/modules"
#define PROPERTIES "/dev/__properties__"

enum { SHELL_GROUP = 2000 };            /* AID_SHELL (AOSP, private/android_filesystem_config.h) */
enum { ADBD_PORT = 5555, LISTENING = 10 }; /* TCP_LISTEN (include/net/tcp_states.h) */
enum { MILLISECOND = 1000 * 1000 };     /* in nanoseconds */

static const char *const binder_devices[] = {"binder", "hwbinder", "vndbinder"};
enum { BINDER_DEVICES = sizeof binder_devices / sizeof binder_devices[0] };

static struct service {
    const char *program; /* NULL for none */
    pid_t process;       /* 0 where it does not run */
    time_t started;
} services[] = {{"/system/bin/adbd", 0, 0}, {"/system/bin/channel_server", 0, 0}, {"/system/bin/servicemanager", 0, 0}};
enum { SERVICE_MANAGER = 2, SERVICES = 3 };

/* Tells the console what did not work; the device goes on without it. */
static void check(int result, const char *what)
{
    if (result < 0)
        fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
}

static void make_file_systems(void)
{
    static const struct {
        const char *kind, *place, *options;
    } table[] = {
        {"devtmpfs", "/dev", ""},
        {"devpts", "/dev/pts", "mode=620,ptmxmode=666"},
        {"tmpfs", "/dev/shm", "mode=1777"},
        {"mqueue", "/dev/mqueue", ""},
        {"proc", "/proc", ""},
        {"tmpfs", "/run", "mode=755"},
        {"sysfs", "/sys", ""},
        {"debugfs", "/sys/kernel/debug", "mode=755"},
        {"tracefs", "/sys/kernel/tracing", "mode=755"},
    };
    for (size_t index = 0; index < sizeof table / sizeof table[0]; index++) {
        mkdir(table[index].place, 0755);
        check(mount(table[index].kind, table[index].place, table[index].kind, 0, table[index].options), table[index].place);
    }
}

static int is_module(const struct dirent *entry)
{
    return strstr(entry->d_name, ".ko") != NULL;
}

/* In the order of their names, which begin with a number. */
static void load_modules(void)
{
    struct dirent **modules;
    int count = scandir(MODULES, &modules, is_module, alphasort);
    for (int index = 0; index < count; index++) {
        char path[512];
        snprintf(path, sizeof path, MODULES "/%s", modules[index]->d_name);
        const char *parameters = strstr(path, "-binder_linux.ko") ? "devices=binder,hwbinder,vndbinder" : "";
        int module = open(path, O_RDONLY | O_CLOEXEC);
        check((int)syscall(SYS_finit_module, module, parameters, 0), path);
        close(module);
    }
}

static bool has_binder(void)
{
    return access("/dev/binder", F_OK) == 0;
}

/* Where the kernel has Binder's own file system, the devices are in there, and linked to as on Android. */
static void make_binder_devices(void)
{
    mkdir("/dev/binderfs", 0755);
    if (mount("binder", "/dev/binderfs", "binder", 0, "stats=global") != 0 &&
        mount("binder", "/dev/binderfs", "binder", 0, "") != 0) {
        rmdir("/dev/binderfs");
        return;
    }
    for (int index = 0; index < BINDER_DEVICES; index++) {
        char device[64], link[64];
        snprintf(device, sizeof device, "/dev/binderfs/%s", binder_devices[index]);
        snprintf(link, sizeof link, "/dev/%s", binder_devices[index]);
        check(symlink(device, link), link);
    }
}

/* As Android's ueventd.rc has it. */
static void open_devices_to_all(void)
{
    for (int index = 0; index < BINDER_DEVICES; index++) {
        char device[64];
        snprintf(device, sizeof device, "/dev/%s", binder_devices[index]);
        check(chmod(device, 0666), device);
    }
    check(chmod("/dev/ptmx", 0666), "/dev/ptmx");
}

static void set_up(int socket, const char *interface)
{
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    check(ioctl(socket, SIOCGIFFLAGS, &request), interface);
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    check(ioctl(socket, SIOCSIFFLAGS, &request), interface);
}

static void set_address(struct sockaddr *destination, const char *address)
{
    struct sockaddr_in internet = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &internet.sin_addr);
    memcpy(destination, &internet, sizeof internet);
}

/* The addresses are those that QEMU's user network expects. */
static void make_network(void)
{
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up(any, "lo");
    struct ifreq request = {.ifr_name = "eth0"};
    set_address(&request.ifr_addr, "10.0.2.15");
    check(ioctl(any, SIOCSIFADDR, &request), "the address of eth0");
    set_up(any, "eth0");
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    set_address(&route.rt_gateway, "10.0.2.2");
    set_address(&route.rt_dst, "0.0.0.0");
    set_address(&route.rt_genmask, "0.0.0.0");
    check(ioctl(any, SIOCADDRT, &route), "the default route");
    close(any);
}

/* One file for each line name=value, which adbd, getprop and setprop read and write; adb's shell may set them, too. */
static void make_properties(void)
{
    umask(0);
    check(mkdir(PROPERTIES, 0775), PROPERTIES);
    check(chown(PROPERTIES, 0, SHELL_GROUP), PROPERTIES);
    umask(022);
    FILE *lines = fopen("/system/build.prop", "re");
    char line[512], path[512];
    while (lines != NULL && fgets(line, sizeof line, lines) != NULL) {
        char *value = strchr(line, '=');
        if (value == NULL || line[0] == '#')
            continue;
        *value++ = '\0';
        snprintf(path, sizeof path, PROPERTIES "/%.400s", line);
        FILE *property = fopen(path, "we");
        if (property == NULL || fputs(value, property) < 0 || fclose(property) != 0)
            check(-1, path);
    }
    if (lines != NULL)
        fclose(lines);
}

static void read_file(const char *path, char *content, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, content, size - 1);
    content[count < 0 ? 0 : count] = '\0';
    if (file >= 0)
        close(file);
}

/* Without it, these commands would wait for it for ever; no_servicemanager explains. */
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

/* The host says which on the kernel's command line: see USERLAND in emulator/embedded/device.py. */
static void choose_servicemanager(void)
{
    char arguments[4096];
    read_file("/proc/cmdline", arguments, sizeof arguments);
    if (strstr(arguments, "binder_harness.userland=none"))
        leave_out_servicemanager();
    else if (strstr(arguments, "binder_harness.userland=10"))
        services[SERVICE_MANAGER].program = "/system/bin/servicemanager10";
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
    execl(service->program, service->program, (char *)NULL);
    check(-1, service->program);
    _exit(127);
}

/* One that ended within a second of its start waits that second out; false where there is such a one. */
static bool start_services(void)
{
    bool all = true;
    for (int index = 0; index < SERVICES; index++) {
        struct service *service = &services[index];
        if (service->program == NULL || service->process > 0)
            continue;
        if (service->started == time(NULL))
            all = false;
        else
            start(service);
    }
    return all;
}

static void collect_ended(void)
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
        if (sscanf(row, " %*d: %*[0-9A-F]:%X %*[0-9A-F]:%*X %X", &port, &state) == 2 && port == ADBD_PORT && state == LISTENING)
            return true;
    }
    return false;
}

/* By the node that it alone has from the start, as the driver shows it; true where the driver shows nothing. */
static bool has_context_manager(void)
{
    DIR *processes = opendir("/sys/kernel/debug/binder/proc");
    if (processes == NULL)
        processes = opendir("/dev/binderfs/binder_logs/proc");
    bool found = processes == NULL;
    for (struct dirent *entry; !found && (entry = readdir(processes)) != NULL;) {
        char state[4096];
        int file = openat(dirfd(processes), entry->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t count = read(file, state, sizeof state - 1);
        state[count < 0 ? 0 : count] = '\0';
        found = strstr(state, "\n  node ") != NULL;
        close(file);
    }
    if (processes != NULL)
        closedir(processes);
    return found;
}

/* adb must not connect before: it would try again seconds later. */
static bool ready(void)
{
    return (listens("/proc/net/tcp") || listens("/proc/net/tcp6")) &&
           (services[SERVICE_MANAGER].program == NULL || has_context_manager());
}

/* Within a second, or not: who has not ended by then is past waiting for. */
static void end_processes(int signal)
{
    const struct timespec pause = {.tv_nsec = 5 * MILLISECOND};
    kill(-1, signal);
    for (int turn = 0; turn < 200 && (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD); turn++)
        nanosleep(&pause, NULL);
}

/* What reboot, poweroff and halt of busybox ask for (init/halt.c). The network is told of all connections' end. */
static void shut_down(int signal)
{
    end_processes(SIGTERM);
    end_processes(SIGKILL);
    sync();
    reboot(signal == SIGTERM ? RB_AUTOBOOT : signal == SIGUSR2 ? RB_POWER_OFF : RB_HALT_SYSTEM);
}

int main(void)
{
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGUSR1);
    sigaddset(&awaited, SIGUSR2);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    setenv("PATH", "/system/bin", 1);
    setenv("ANDROID_LOG_TAGS", "*:w", 1); /* or adbd tells the console of every connection */

    make_file_systems();
    load_modules();
    if (!has_binder())
        make_binder_devices();
    if (!has_binder()) {
        fputs("This kernel has no Binder driver: neither a module binder_linux, nor one built in.\n", stderr);
        reboot(RB_POWER_OFF);
    }
    open_devices_to_all();
    check(sethostname("binder-harness", strlen("binder-harness")), "the host's name");
    make_network();
    make_properties();
    choose_servicemanager();

    for (bool announced = false;;) {
        bool all = start_services();
        if (!announced && (announced = ready()))
            puts("binder-harness: device ready");
        fflush(stdout);
        const struct timespec moment = {.tv_nsec = (announced ? 100 : 5) * MILLISECOND};
        int signal = sigtimedwait(&awaited, NULL, announced && all ? NULL : &moment);
        collect_ended();
        if (signal > 0 && signal != SIGCHLD)
            shut_down(signal);
    }
}
