// Runs one command against AOSP's libbinder and prints the results as JSON.

#include <binder/ProcessState.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "answer.h"
#include "commands.h"

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)

static const char HELP[] =
    R"(usage: libbinder_probe [OPTION…] COMMAND [ARGUMENT…]

Uses AOSP's libbinder (Android )" TEXT(ANDROID_GENERATION) R"() as an app's process does, and prints one JSON object on
each line of standard output. libbinder's own log goes to standard error.

The process and its driver:
  state               ask for ProcessState again and again: how many objects, which driver, descriptors, mappings *
  ping                ask for the context object, which pings handle 0 *
  driver PATH         name PATH, which may be missing, as the driver, in a child: what it uses, or how it ends
  fork                use libbinder, fork, and use it in the child, in three ways: what it sees, or how it ends

The service manager:
  register NAME…      add a service under each name *; its codes:
                        1  echo: replies with what follows the interface name
                        2  identity: own pid, the caller's pid, the caller's uid, an int32 each
                        3  throws an IllegalStateException
                        4  dies, by SIGKILL, before it replies
  lookup NAME         getService, which tries again for five seconds
  check NAME          checkService, which asks once
  wait NAME           waitForService, which registers for a notification (from Android 11 on)
  list                all names
  call NAME CODE [VALUE…]
                      call a service; a VALUE that is a whole number is sent as an int32, any other as a String16
  death NAME          link to the death of a service and wait for it *: 0 when it has died, 1 when the input ended first

A command marked * goes on until standard input ends.

options:
  --seconds NUMBER    end with status 124 after this time, at the latest (30)
  --driver PATH       use this device instead of /dev/binder
  --uid NUMBER        become this user first
  --times NUMBER      how often `state` asks (3)
  --die-after NUMBER  `register`: die by SIGKILL after so many seconds
  --help              show this text

exit status: 0 done; 1 refused, or no service of that name; 64 usage error; 124 out of time
)";

struct Command {
    const char* name;
    size_t fewest_arguments;
    size_t most_arguments;
    int (*run)(const Options&);
};

static const Command COMMANDS[] = {
    {"state", 0, 0, show_state},
    {"ping", 0, 0, ping_context_object},
    {"driver", 1, 1, use_missing_driver},
    {"fork", 0, 0, use_after_fork},
    {"register", 1, SIZE_MAX, register_services},
    {"lookup", 1, 1, get_service},
    {"check", 1, 1, check_service},
    {"wait", 1, 1, wait_for_service},
    {"list", 0, 0, list_services},
    {"call", 2, SIZE_MAX, call_service},
    {"death", 1, 1, await_death},
};

[[noreturn]] static void refuse(const std::string& reason) {
    fprintf(stderr, "libbinder_probe: %s. Try --help.\n", reason.c_str());
    exit(USAGE);
}

static double number(const char* option, const char* text) {
    char* end;
    const double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0) || value > 1e9) {
        refuse(std::string(option) + " takes a number, not \"" + text + "\"");
    }
    return value;
}

static Options parse(int argc, char** argv) {
    static const option known[] = {
        {"seconds", required_argument, nullptr, 's'},
        {"driver", required_argument, nullptr, 'd'},
        {"uid", required_argument, nullptr, 'u'},
        {"times", required_argument, nullptr, 't'},
        {"die-after", required_argument, nullptr, 'a'},
        {"help", no_argument, nullptr, 'h'},
        {},
    };
    Options options;
    for (int found; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 's':
                options.seconds = number("--seconds", optarg);
                break;
            case 'd':
                options.driver = optarg;
                break;
            case 'u':
                options.uid = number("--uid", optarg);
                break;
            case 't':
                options.times = number("--times", optarg);
                break;
            case 'a':
                options.die_after = number("--die-after", optarg);
                break;
            case 'h':
                fputs(HELP, stdout);
                exit(DONE);
            default:
                exit(USAGE);
        }
    }
    options.arguments.assign(argv + optind, argv + argc);
    return options;
}

static void out_of_time(int) {
    static const char line[] = "{\"event\": \"error\", \"error\": \"out of time\"}\n";
    [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, line, sizeof(line) - 1);
    _exit(TOO_LATE);
}

static void limit_time(double seconds) {
    signal(SIGALRM, out_of_time);
    const long microseconds = std::max(1.0, seconds * 1e6);
    const itimerval limit = {.it_interval = {}, .it_value = {microseconds / 1'000'000, microseconds % 1'000'000}};
    setitimer(ITIMER_REAL, &limit, nullptr);
}

int main(int argc, char** argv) {
    Options options = parse(argc, argv);
    if (options.arguments.empty()) refuse("no command");
    const std::string name = options.arguments[0];
    options.arguments.erase(options.arguments.begin());

    const auto command = std::find_if(std::begin(COMMANDS), std::end(COMMANDS),
                                      [&name](const Command& known) { return name == known.name; });
    if (command == std::end(COMMANDS)) refuse("there is no command \"" + name + "\"");
    const size_t count = options.arguments.size();
    if (count < command->fewest_arguments || count > command->most_arguments) {
        refuse("wrong number of arguments for \"" + name + "\"");
    }

    limit_time(options.seconds);
    if (options.uid && setresuid(*options.uid, *options.uid, *options.uid) != 0) {
        perror("libbinder_probe: setresuid");
        return REFUSED;
    }
    if (!options.driver.empty()) android::ProcessState::initWithDriver(options.driver.c_str());
    return command->run(options);
}
