/* The C library of the device: what of it is used, as bionic and glibc both have it. Neither's headers will do: they
 * name the same things differently where a macro or an inline function is behind them. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

enum { READING = 0, WAIT_SIGNAL = 0x7f, STANDARD_OUTPUT = 1, STANDARD_ERROR = 2, RESOLVE_NOW = 2 };

void *dlopen(const char *path, int how);
void *dlsym(void *library, const char *symbol);
char *dlerror(void);

int open(const char *path, int how, ...);
int close(int file);
long read(int file, void *content, size_t size);
long write(int file, const void *content, size_t size);
long readlink(const char *path, char *target, size_t size);
int pipe(int ends[2]);
int dup2(int file, int place);

int getpid(void);
int fork(void);
int waitpid(int process, int *status, int how);
unsigned alarm(unsigned seconds);
void _exit(int status) __attribute__((noreturn));

int vsnprintf(char *text, size_t size, const char *format, va_list values);
unsigned long strtoul(const char *text, char **end, int base);
size_t strlen(const char *text);
char *strchr(const char *text, int character);
char *strstr(const char *text, const char *part);
int strcmp(const char *text, const char *other);
