/*
 * First process of the device: makes what adbd and Binder need, keeps the services running, and tells the console when
 * they can be used.
 *
 * It starts no other program for that. Under emulation, code that runs for the first time is translated first: a
 * shell with its commands would take longer here than the kernel's own modules do.
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
#include "services.h"

enum { MILLISECOND = 1000 * 1000 }; /* in nanoseconds */

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

    if (!prepare()) {
        fputs("This kernel has no Binder driver: neither a module binder_linux, nor one built in.\n", stderr);
        reboot(RB_POWER_OFF);
    }
    choose_servicemanager();

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
