/* As libc.c, of the device's libdl.so. */
#define NAME(name) \
    void name(void) {}
NAME(dlopen)
NAME(dlsym)
NAME(dlerror)
