/* Receives and sends whole frames; exits on malformed input. */
#include "protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Frames of several threads must not mix. */
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

/* Buffered input: one read takes a small frame whole. One thread at a time reads the input. */
static uint8_t input[4096];
static size_t input_next, input_end;

static size_t read_some(void *destination, size_t size)
{
    for (;;) {
        ssize_t count = read(STDIN_FILENO, destination, size);
        if (count >= 0)
            return (size_t)count;
        if (errno != EINTR)
            fail(EX_IOERR, "cannot read standard input: %s", strerror(errno));
    }
}

/* Returns the number of bytes read, which is less than `size` only at the end of the input. */
static size_t read_fully(void *destination, size_t size)
{
    size_t done = 0;
    while (done < size) {
        uint8_t *next = (uint8_t *)destination + done;
        size_t left = size - done;
        size_t count = input_end - input_next;
        if (count > 0) {
            count = count < left ? count : left;
            memcpy(next, input + input_next, count);
            input_next += count;
        } else if (left >= sizeof input) {
            count = read_some(next, left);
        } else {
            input_next = 0;
            input_end = read_some(input, sizeof input);
            if (input_end > 0)
                continue;
        }
        if (count == 0)
            break;
        done += count;
    }
    return done;
}

struct frame *receive_frame(void)
{
    struct frame_header header;
    size_t count = read_fully(&header, sizeof header);
    if (count == 0)
        return NULL;
    if (count < sizeof header)
        fail(EX_DATAERR, "the input ended inside a frame's header");
    /* Checked before the payload is read: the agent must not wait for the payload of a malformed header. */
    if (header.kind < FRAME_START_THREAD || header.kind > FRAME_END)
        fail(EX_DATAERR, "unknown frame kind %u", header.kind);
    if (header.kind == FRAME_END)
        return NULL;
    if (header.size > MAX_PAYLOAD)
        fail(EX_DATAERR, "a frame of %u bytes exceeds the limit of %u bytes", header.size, MAX_PAYLOAD);
    if (header.request == 0)
        fail(EX_DATAERR, "a frame has the request number 0");

    struct frame *frame = malloc(sizeof *frame + header.size);
    if (frame == NULL)
        fail(EX_OSERR, "no memory for a frame of %u bytes", header.size);
    *frame = (struct frame){.header = header};
    if (read_fully(frame->payload, header.size) < header.size)
        fail(EX_DATAERR, "the input ended inside a frame of %u bytes", header.size);
    return frame;
}

/* Of standard input, which others may use after us; -1 if it cannot be watched. */
static int input_flags = -1;

void watch_input_here(void)
{
    /* A thread that waits for it gets it all the same; a program that takes the agent's place does not die of it. */
    signal(INPUT_SIGNAL, SIG_IGN);
    struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = gettid()};
    if (fcntl(STDIN_FILENO, F_SETOWN_EX, &owner) == 0)
        input_flags = fcntl(STDIN_FILENO, F_GETFL);
}

bool watch_input(void)
{
    if (input_next < input_end || input_flags < 0 || fcntl(STDIN_FILENO, F_SETFL, input_flags | O_ASYNC) != 0)
        return false;
    /* What arrived before sends no signal. Nor does a file that has none, whose input is always there. */
    struct pollfd input_now = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input_now, 1, 0) == 0)
        return true;
    stop_watching_input();
    return false;
}

void stop_watching_input(void)
{
    fcntl(STDIN_FILENO, F_SETFL, input_flags);
}

void send_frame(const struct frame_header *header)
{
    const uint8_t *next = (const uint8_t *)header;
    size_t left = sizeof *header + header->size;
    pthread_mutex_lock(&output);
    while (left > 0) {
        ssize_t count = write(STDOUT_FILENO, next, left);
        if (count < 0 && errno != EINTR)
            _exit(EX_IOERR); /* nobody can receive an error */
        if (count > 0) {
            next += count;
            left -= (size_t)count;
        }
    }
    pthread_mutex_unlock(&output);
}

void fail(int status, const char *format, ...)
{
    struct {
        struct frame_header header;
        char text[512];
    } error = {.header.kind = FRAME_ERROR};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.text, sizeof error.text, format, arguments);
    va_end(arguments);
    error.header.size = (uint32_t)strlen(error.text);
    alarm(5); /* a host that has stopped reading must not keep the agent alive */
    send_frame(&error.header);
    _exit(status);
}
