// Stands in for Android's activity manager on a device that has no Java framework: the same name, interface, codes and
// parcels, and of the behaviour what broadcasts and bound services need. It is a stand-in: results
// found with it do not hold for Android's own.

#include <binder/IServiceManager.h>
#include <binder/ProcessState.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activity_manager.h"

using namespace android;

static const char HELP[] =
    R"(usage: activity_standin [--receiver-seconds NUMBER]

Registers a stand-in for the activity manager of Android 11, on libbinder of Android 10 of 10, as `activity`, prints
{"event": "ready", "pid": …}, and runs until standard input ends. `cmd activity help` and `dumpsys activity` list what it can do.

options:
  --receiver-seconds NUMBER  how long a receiver may take for an ordered broadcast (10)

exit status: 0 done; 1 there is no service manager, it ended, or it refuses the name; 64 usage error
)";

enum ExitStatus { DONE = 0, REFUSED = 1, USAGE = 64 };

static const int SERVICE_MANAGER_SECONDS = 5, LOOKS_A_SECOND = 50;

// Null where there is no service manager. Polls, as init may be starting one; defaultServiceManager() would wait for
// ever.
static sp<IBinder> await_service_manager() {
    for (int looks = SERVICE_MANAGER_SECONDS * LOOKS_A_SECOND; looks > 0; --looks) {
        if (const sp<IBinder> found = ProcessState::self()->getContextObject(nullptr)) return found;
        usleep(1'000'000 / LOOKS_A_SECOND);
    }
    return nullptr;
}

// A service manager's names are lost with it: Android's init then restarts the framework.
class EndWithServiceManager : public IBinder::DeathRecipient {
    void binderDied(const wp<IBinder>&) override {
        fputs("activity_standin: the service manager ended\n", stderr);
        _exit(REFUSED);
    }
};

static void await_end_of_input() {
    char ignored[4096];
    while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0) {
    }
}

int main(int argc, char** argv) {
    double seconds = 10;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(HELP, stdout);
        return DONE;
    }
    if (argc == 3 && strcmp(argv[1], "--receiver-seconds") == 0) {
        char* end;
        seconds = strtod(argv[2], &end);
        if (*end != '\0' || !(seconds > 0)) argc = 0;
    }
    if (argc != 1 && argc != 3) {
        fputs("activity_standin: usage error. Try --help.\n", stderr);
        return USAGE;
    }
    const sp<IBinder> service_manager = await_service_manager();
    if (!service_manager) {
        fputs("activity_standin: there is no service manager\n", stderr);
        return REFUSED;
    }
    const sp<ActivityManager> manager = new ActivityManager(std::chrono::duration<double>(seconds));
    const sp<EndWithServiceManager> end = new EndWithServiceManager;
    service_manager->linkToDeath(end);
    ProcessState::self()->startThreadPool();
    if (defaultServiceManager()->addService(String16("activity"), manager) != OK) {
        fputs("activity_standin: the service manager refuses the name `activity`\n", stderr);
        _exit(REFUSED);  // as at the end: threads serve already, and what goes with them is logged
    }
    printf("{\"event\": \"ready\", \"pid\": %d}\n", getpid());
    fflush(stdout);
    await_end_of_input();
    _exit(DONE);  // the threads that serve and deliver end with the process
}
