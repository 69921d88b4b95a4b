/*
 * Loaded by LD_PRELOAD: the calendar's clock of the process jumps by JUMP_BY
 * seconds at JUMP_AT nanoseconds. Times of files, and the clock that only runs
 * forward, stay as the kernel has them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const long SECOND = 1000L * 1000 * 1000;

static time_t jumped(const struct timespec* now) {
    const char *at = getenv("JUMP_AT"), *by = getenv("JUMP_BY");
    if (at == NULL || by == NULL) return 0;
    long long from = atoll(at);
    return (long long)now->tv_sec * SECOND + now->tv_nsec >= from ? (time_t)atoll(by) : 0;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += jumped(time);
    return status;
}

int gettimeofday(struct timeval* restrict result, void* restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *result = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t* result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL) *result = now.tv_sec;
    return now.tv_sec;
}
