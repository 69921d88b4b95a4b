/*
 * The device's first process: prepares what adbd and Binder need, keeps the services running, and writes to the
 * console when they are ready.
 *
 * It starts no other program for that. Emulation translates code before it runs it for the first time: a shell and its
 * commands would take longer here than loading the kernel's modules.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prepare.h"
#include "security.h"
#include "services.h"

enum { MILLISECOND = 1000 * 1000 }; /* in nanoseconds */

/* Gives them one second to end. */
static void end_processes(int signal)
{
    const struct timespec pause = {.tv_nsec = 5 * MILLISECOND};
    kill(-1, signal);
    for (int turn = 0; turn < 200 && (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD); turn++)
        nanosleep(&pause, NULL);
}

/* The signals that busybox's reboot, poweroff and halt send (init/halt.c). Ending all processes closes their
 * connections. */
static void shut_down(int signal)
{
    end_processes(SIGTERM);
    end_processes(SIGKILL);
    sync();
    reboot(signal == SIGTERM ? RB_AUTOBOOT : signal == SIGUSR2 ? RB_POWER_OFF : RB_HALT_SYSTEM);
}

int main(int argc, char **argv)
{
    if (!enforce_policy(argc, argv)) {
        fputs("The kernel does not enforce the image's security policy: is CONFIG_SECURITY_SELINUX on? Powering off.\n",
              stderr);
        reboot(RB_POWER_OFF);
    }
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGUSR1);
    sigaddset(&awaited, SIGUSR2);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    setenv("PATH", "/system/bin", 1);
    setenv("ANDROID_LOG_TAGS", "*:w", 1); /* or adbd logs every connection to the console */

    if (!prepare()) {
        fputs("This kernel has no Binder driver, neither built in nor as the module binder_linux. Powering off.\n",
              stderr);
        reboot(RB_POWER_OFF);
    }
    choose_managers();

    for (bool announced = false;;) {
        bool all = start_services();
        if (!announced && (announced = services_ready()))
            puts("binder-harness: device ready");
        fflush(stdout);
        const struct timespec moment = {.tv_nsec = (announced ? 100 : 5) * MILLISECOND};
        int signal = sigtimedwait(&awaited, NULL, announced && all ? NULL : &moment);
        collect_ended();
        if (signal > 0 && signal != SIGCHLD)
            shut_down(signal);
    }
}
