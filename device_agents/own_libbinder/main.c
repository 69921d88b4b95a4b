/* Uses the device's own libbinder, and prints what device_agents/libbinder_probe prints for the same commands:
 *
 *   own_libbinder state --times NUMBER     until standard input ends
 *   own_libbinder driver PATH
 *   own_libbinder fork
 *
 * Exit status: 0 done; 1 there is no such library, or not the functions that are used of it; 64 usage error.
 */
#include "libc.h"

#define LIBRARY "/system/lib64/libbinder.so"
#define NDK_LIBRARY "/system/lib64/libbinder_ndk.so"

enum { REFUSED = 1, USAGE = 64, CHILD_SECONDS = 5, DESCRIPTORS = 1024 };

/* What C++ returns through memory that its caller gives, as C does a structure of this size: an sp<> or a String8,
 * whose first member is the pointer (libutils/include/utils/StrongPointer.h, String8.h, Android 10 to 16). */
struct returned {
    void *pointer;
    void *room[3];
};

static struct returned (*process_state)(void);
static struct returned (*init_with_driver)(const char *path);
static struct returned (*driver_name)(void *process_state);
static void *(*check_service)(const char *name);
static int (*ping)(void *binder);

static const struct {
    const char *library, *symbol;
    void *function;
} FUNCTIONS[] = {
    {LIBRARY, "_ZN7android12ProcessState4selfEv", &process_state},
    {LIBRARY, "_ZN7android12ProcessState14initWithDriverEPKc", &init_with_driver},
    {LIBRARY, "_ZN7android12ProcessState13getDriverNameEv", &driver_name},
    {NDK_LIBRARY, "AServiceManager_checkService", &check_service},
    {NDK_LIBRARY, "AIBinder_ping", &ping},
};

/* One line of JSON. */
static char line[1 << 16];
static size_t length;

static void add(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int added = vsnprintf(line + length, sizeof line - length, format, values);
    va_end(values);
    length += added > 0 ? (size_t)added : 0;
    if (length >= sizeof line)
        length = sizeof line - 1;
}

static void add_text(const char *text)
{
    add("\"");
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            add("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            add("\\u%04x", *text);
        else
            add("%c", *text);
    add("\"");
}

static void write_line(int file)
{
    for (size_t written = 0; written < length;) {
        long count = write(file, line + written, length - written);
        if (count <= 0)
            _exit(REFUSED);
        written += (size_t)count;
    }
    length = 0;
}

static size_t read_to_end(int file, char *content, size_t size)
{
    size_t used = 0;
    for (long count; used < size - 1 && (count = read(file, content + used, size - 1 - used)) > 0;)
        used += (size_t)count;
    content[used] = '\0';
    return used;
}

static void add_descriptors(void)
{
    const char *separator = "";
    add("\"descriptors\": [");
    for (int file = 0; file < DESCRIPTORS; file++) {
        char path[64], target[512];
        size_t before = length;
        add("/proc/self/fd/%d", file);
        length = before;
        for (size_t index = 0; index < sizeof path; index++)
            path[index] = line[before + index];
        long size = readlink(path, target, sizeof target - 1);
        target[size < 0 ? 0 : size] = '\0';
        if (strstr(target, "binder") == NULL)
            continue;
        add("%s{\"descriptor\": %d, \"path\": ", separator, file);
        add_text(target);
        add("}");
        separator = ", ";
    }
    add("]");
}

static void add_mappings(void)
{
    static char maps[1 << 20];
    const char *separator = "";
    int file = open("/proc/self/maps", READING);
    read_to_end(file, maps, sizeof maps);
    close(file);
    add("\"mappings\": [");
    for (char *row = maps, *end; (end = strchr(row, '\n')) != NULL; row = end + 1) {
        *end = '\0';
        char *path = strstr(row, "/dev/"), *next;
        if (path == NULL || strstr(path, "binder") == NULL)
            continue;
        unsigned long start = strtoul(row, &next, 16), stop = strtoul(next + 1, &next, 16);
        add("%s{\"start\": %lu, \"size\": %lu, \"protection\": \"%.4s\", \"path\": ", separator, start, stop - start,
            next + 1);
        add_text(path);
        add("}");
        separator = ", ";
    }
    add("]");
}

static void add_binder_files(void)
{
    add_descriptors();
    add(", ");
    add_mappings();
}

static void add_driver(struct returned state)
{
    struct returned name = driver_name(state.pointer);
    add("\"driver\": ");
    add_text(name.pointer);
    add(", ");
}

/* Runs `action`, which adds an object, in a child, and adds its answer, how it ended, and what it logged. */
static void add_child(void (*action)(const void *), const void *argument)
{
    static char answer[sizeof line], log[4096];
    int answers[2], logs[2], status = 0;
    if (pipe(answers) != 0 || pipe(logs) != 0)
        _exit(REFUSED);
    int child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        dup2(logs[1], STANDARD_ERROR);
        length = 0;
        add("{");
        action(argument);
        add("}");
        write_line(answers[1]);
        _exit(0);
    }
    close(answers[1]);
    close(logs[1]);
    size_t size = read_to_end(answers[0], answer, sizeof answer);
    read_to_end(logs[0], log, sizeof log);
    close(answers[0]);
    close(logs[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        _exit(REFUSED);
    int signal = status & WAIT_SIGNAL;
    add("\"child\": {\"answer\": %s, ", size > 0 ? answer : "null");
    if (signal != 0)
        add("\"exit_status\": null, \"signal\": %d, \"log\": ", signal);
    else
        add("\"exit_status\": %d, \"signal\": null, \"log\": ", status >> 8 & 0xff);
    add_text(log);
    add("}");
}

static void show_state(unsigned long times)
{
    static void *objects[DESCRIPTORS];
    size_t different = 0;
    struct returned state = {0};
    for (unsigned long time = 0; time < times; time++) {
        state = process_state();
        size_t index = 0;
        while (index < different && objects[index] != state.pointer)
            index++;
        if (index == different && different < DESCRIPTORS)
            objects[different++] = state.pointer;
    }
    add("{\"event\": \"state\", \"library\": \"" LIBRARY "\", \"pid\": %d, \"asked\": %lu, \"objects\": %lu, ",
        getpid(), times, (unsigned long)different);
    add_driver(state);
    add_binder_files();
    add("}\n");
    write_line(STANDARD_OUTPUT);
    char ignored[64];
    while (read(0, ignored, sizeof ignored) > 0)
        ;
}

static void use_missing(const void *path)
{
    add_driver(init_with_driver(path));
    add_binder_files();
}

static void show_driver(const char *path)
{
    add("{\"event\": \"driver\", \"library\": \"" LIBRARY "\", \"asked\": ");
    add_text(path);
    add(", ");
    add_child(use_missing, path);
    add("}\n");
    write_line(STANDARD_OUTPUT);
}

static void use_state(const void *parents)
{
    add("\"same_object\": %s, ", process_state().pointer == parents ? "true" : "false");
    add_binder_files();
}

/* The reply to a ping carries no data, the reply to a lookup does: it lies in the parent's mapping. */
static void use_ping(const void *binder)
{
    add("\"status\": %d", ping((void *)binder));
}

static void use_lookup(const void *name)
{
    add("\"found\": %s", check_service(name) != NULL ? "true" : "false");
}

static void show_use(const char *called, void (*action)(const void *), const void *argument)
{
    add("{\"event\": \"fork\", \"library\": \"" LIBRARY "\", \"use\": \"%s\", ", called);
    add_child(action, argument);
    add("}\n");
    write_line(STANDARD_OUTPUT);
}

static void show_fork(void)
{
    static const char name[] = "manager";
    void *state = process_state().pointer;
    void *manager = check_service(name);
    show_use("ProcessState::self", use_state, state);
    show_use("pingBinder", use_ping, manager);
    show_use("checkService", use_lookup, name);
}

static void fail(const char *reason, const char *detail)
{
    length = 0;
    add("own_libbinder: %s%s\n", reason, detail);
    write_line(STANDARD_ERROR);
    _exit(REFUSED);
}

static void find_functions(void)
{
    for (size_t index = 0; index < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; index++) {
        void *library = dlopen(FUNCTIONS[index].library, RESOLVE_NOW);
        void *found = library != NULL ? dlsym(library, FUNCTIONS[index].symbol) : NULL;
        if (found == NULL)
            fail("", dlerror());
        *(void **)FUNCTIONS[index].function = found;
    }
}

int main(int count, char **arguments)
{
    const char *command = count > 1 ? arguments[1] : "";
    find_functions();
    if (count == 4 && strcmp(command, "state") == 0)
        show_state(strtoul(arguments[3], NULL, 10));
    else if (count == 3 && strcmp(command, "driver") == 0)
        show_driver(arguments[2]);
    else if (count == 2 && strcmp(command, "fork") == 0)
        show_fork();
    else
        _exit(USAGE);
    _exit(0);
}
