/* Mounts, modules, devices, network, properties. */
#include "prepare.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "security.h"

#define MODULES "/lib/modules"
#define PROPERTIES "/dev/__properties__"
#define ADB_KEY " binder_harness.adb_key="

enum { SHELL_GROUP = 2000 }; /* AID_SHELL (AOSP, private/android_filesystem_config.h) */

static const char *const binder_devices[] = {"binder", "hwbinder", "vndbinder"};
enum { BINDER_DEVICES = sizeof binder_devices / sizeof binder_devices[0] };

static void make_file_systems(void)
{
    static const struct {
        const char *kind, *place, *options;
        enum { ALWAYS, OPEN, STRICT } where;
    } table[] = {
        {"devtmpfs", "/dev", "", ALWAYS},
        {"devpts", "/dev/pts", "mode=620,ptmxmode=666", ALWAYS},
        {"tmpfs", "/dev/shm", "mode=1777", OPEN},
        {"mqueue", "/dev/mqueue", "", OPEN},
        {"proc", "/proc", "", OPEN},
        {"proc", "/proc", "hidepid=2,gid=3009", STRICT}, /* AID_READPROC (system/core/init/init.cpp) */
        {"tmpfs", "/run", "mode=755", OPEN},
        {"sysfs", "/sys", "", ALWAYS},
        {"selinuxfs", "/sys/fs/selinux", "", STRICT},
        {"debugfs", "/sys/kernel/debug", "mode=755", OPEN},
        {"tracefs", "/sys/kernel/tracing", "mode=755", ALWAYS},
    };
    for (size_t index = 0; index < sizeof table / sizeof table[0]; index++) {
        if (table[index].where == (has_policy() ? OPEN : STRICT))
            continue;
        mkdir(table[index].place, 0755);
        check(mount(table[index].kind, table[index].place, table[index].kind, 0, table[index].options),
              table[index].place);
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

/* Where the kernel has binderfs, the devices are there, with links to them as on Android. */
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

/* As in Android's ueventd.rc. */
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

/* Has adbd admit nobody without the key that the kernel was given, if it was: see emulator/adb/keys.py. */
static void trust_adb_key(void)
{
    char arguments[4096];
    read_file("/proc/cmdline", arguments, sizeof arguments);
    const char *key = strstr(arguments, ADB_KEY);
    if (key == NULL)
        return;
    key += strlen(ADB_KEY);
    write_file("/adb_keys", key, strcspn(key, " \n"));
    label("/adb_keys", "adb_keys_file");
    write_file(PROPERTIES "/ro.adb.secure", "1", 1);
}

/* One file for each line name=value, which adbd, getprop and setprop read and write; adb's shell may set them, too. */
static void make_properties(void)
{
    umask(0);
    check(mkdir(PROPERTIES, 0775), PROPERTIES);
    label(PROPERTIES, "properties_device");
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

bool prepare(void)
{
    make_file_systems();
    label_files();
    restrict_sight();
    load_modules();
    if (!has_binder())
        make_binder_devices();
    if (!has_binder())
        return false;
    open_devices_to_all();
    check(sethostname("binder-harness", strlen("binder-harness")), "the host's name");
    make_network();
    make_properties();
    trust_adb_key();
    return true;
}
