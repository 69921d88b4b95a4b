/* The first instructions of a program on a C library that is bionic or, on a plain Linux, glibc: each begins it in its
 * own way, which the NDK or the compiler would otherwise link in. */
#include <stddef.h>

/* bionic, libc_init_dynamic.cpp; nothing is to be done at the end, so the last argument points to zeros. */
__attribute__((weak, noreturn)) void __libc_init(void *stack, void (*at_exit)(void), int (*main)(int, char **, char **),
                                                 const void *at_end);
/* glibc, csu/libc-start.c */
__attribute__((weak, noreturn)) void __libc_start_main(int (*main)(int, char **, char **), int count, char **arguments,
                                                       void (*at_start)(void), void (*at_end)(void),
                                                       void (*loader)(void), void *stack);

int main(int count, char **arguments, char **environment);

__attribute__((used, noreturn)) static void begin(long *stack)
{
    static const void *const nothing[16];
    if (__libc_init != NULL)
        __libc_init(stack, NULL, main, nothing);
    __libc_start_main(main, (int)stack[0], (char **)(stack + 1), NULL, NULL, NULL, stack);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n b begin\n");
#endif
