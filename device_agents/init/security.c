#include "security.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

#define POLICY "/sepolicy" /* emulator/embedded/image.py puts it there, as Android once had it */
#define CONFINED "confined"
#define SELINUXFS "/run" /* for a moment: nothing else is mounted yet */

bool has_policy(void)
{
    return access(POLICY, F_OK) == 0;
}

void label(const char *path, const char *type)
{
    char context[96];
    int length = snprintf(context, sizeof context, "u:object_r:%s:s0", type);
    if (has_policy())
        check(lsetxattr(path, "security.selinux", context, (size_t)length + 1, 0), path);
}

/* The kernel takes a policy in one write (security/selinux/selinuxfs.c, sel_write_load). */
static bool load_policy(void)
{
    static char policy[1 << 20];
    int file = open(POLICY, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, policy, sizeof policy);
    close(file);
    return size > 0 && write_file(SELINUXFS "/load", policy, (size_t)size);
}

/* As Android's init (system/core/init/selinux.cpp, SetupSelinux): by the label of its program, the policy makes the
 * kernel's first process, which runs in the kernel's domain, that of init. */
bool enforce_policy(int argc, char **argv)
{
    if (!has_policy() || (argc > 1 && strcmp(argv[1], CONFINED) == 0))
        return true;
    if (mount("selinuxfs", SELINUXFS, "selinuxfs", 0, NULL) != 0)
        return false;
    bool loaded = load_policy();
    int enforce = open(SELINUXFS "/enforce", O_WRONLY | O_CLOEXEC);
    check(umount2(SELINUXFS, MNT_DETACH), SELINUXFS);
    /* Of what is open or comes next; the kernel's domain may do little once the policy is enforced. */
    label("/dev/console", "console_device");
    label(argv[0], "init_exec");
    if (loaded && write(enforce, "1", 1) == 1)
        execl(argv[0], argv[0], CONFINED, (char *)NULL);
    return false;
}

static int label_system_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    label(path, "system_file");
    return 0;
}

void label_files(void)
{
    /* Of Android's file_contexts; busybox is its sh as well as its toybox. */
    static const struct {
        const char *path, *type;
    } table[] = {
        {"/system/bin/busybox", "shell_exec"},  {"/data", "system_data_root_file"}, {"/data/local", "system_data_file"},
        {"/data/local/tmp", "shell_data_file"}, {"/dev/console", "console_device"}, {"/dev/full", "zero_device"},
        {"/dev/kmsg", "kmsg_device"},           {"/dev/null", "null_device"},       {"/dev/ptmx", "ptmx_device"},
        {"/dev/random", "random_device"},       {"/dev/tty", "owntty_device"},      {"/dev/urandom", "random_device"},
        {"/dev/zero", "zero_device"},
    };
    if (!has_policy())
        return;
    nftw("/system", label_system_file, 8, FTW_PHYS);
    nftw("/etc", label_system_file, 8, FTW_PHYS);
    for (size_t index = 0; index < sizeof table / sizeof table[0]; index++)
        label(table[index].path, table[index].type);
}

static void limit(int resource, rlim_t value)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    check(setrlimit(resource, &both), "a resource limit");
}

/* system/core/rootdir/init.rc; kptr_restrict is on the kernel's command line (kernel/android.config). */
void restrict_sight(void)
{
    if (!has_policy())
        return;
    write_file("/proc/sys/kernel/dmesg_restrict", "1", 1);
    write_file("/proc/sys/kernel/perf_event_paranoid", "3",
               1); /* while security.perf_harden is 1, as it is by default */
    limit(RLIMIT_NICE, 40);
    limit(RLIMIT_NOFILE, 32768);
    limit(RLIMIT_MEMLOCK, 65536);
}

void enter_domain_on_exec(const char *domain)
{
    char context[96];
    int length = snprintf(context, sizeof context, "u:r:%s:s0", domain);
    if (has_policy())
        write_file("/proc/self/attr/exec", context, (size_t)length);
}
