// All commands in one program, which runs the one it is called as. Each keeps AOSP's main(), which CMakeLists.txt
// renames.

#include <libgen.h>
#include <stdio.h>
#include <string.h>

int cmd_main(int argc, char* const argv[]);
int dumpsys_main(int argc, char* const argv[]);
int service_main(int argc, char* const argv[]);
int servicemanager_main(int argc, char** argv);
extern "C" int servicemanager10_main(int argc, char** argv);

// Of Android 10 there is the one in C alone.
static int servicemanager(const char* name, int argc, char** argv) {
#if ANDROID_GENERATION > 10
    if (strcmp(name, "servicemanager10") != 0) return servicemanager_main(argc, argv);
#endif
    (void)name;
    return servicemanager10_main(argc, argv);
}

int main(int argc, char** argv) {
    const char* name = argc > 0 ? basename(argv[0]) : "";
    if (strcmp(name, "cmd") == 0) return cmd_main(argc, argv);
    if (strcmp(name, "dumpsys") == 0) return dumpsys_main(argc, argv);
    if (strcmp(name, "service") == 0) return service_main(argc, argv);
    if (strncmp(name, "servicemanager", strlen("servicemanager")) == 0) return servicemanager(name, argc, argv);
    fprintf(stderr,
            "%s: call this program as cmd, dumpsys, service, servicemanager or servicemanager10 (Android 10's)\n",
            name);
    return 2;
}
