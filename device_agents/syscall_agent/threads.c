/* Runs each batch on its thread, one after the other. */
#include "threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "batch.h"
#include "fork.h"

/*
 * Below the stack of a thread. musl's 8 KiB are no whole page where x86-64 has pages of 16 KiB, and mprotect of the
 * rest, at an address that is no page's, would fail (src/thread/pthread_create.c).
 */
enum { GUARD_SIZE = 1 << 16 };

struct thread {
    struct thread *next;
    pthread_t handle;
    pthread_cond_t changed;
    pid_t tid; /* 0 until the thread runs */
    struct frame *first;
    struct frame **end;
    uint32_t request; /* the one being served, or 0 */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all threads */
static struct thread main_thread;
static struct thread *threads; /* except the main one; they live as long as the process */

/*
 * The thread that reads the input. Waking another thread takes longer than a short batch, so an idle thread that gets
 * a batch whose answer fits the output goes on reading and finds the next one itself. While it runs one that may
 * block, the input is watched, so that the main thread takes over reading when some arrives.
 */
static struct thread *reader = &main_thread;
static bool watching; /* while `reader` runs a batch */
static void (*dispatch)(struct frame *frame);

static void on_interrupt(int signal_number)
{
    (void)signal_number;
}

void threads_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* without SA_RESTART */
    sigaction(INTERRUPT_SIGNAL, &action, NULL);
}

static void let_main_thread_read(void)
{
    reader = &main_thread;
    pthread_kill(main_thread.handle, INPUT_SIGNAL);
}

static void end_watching(void)
{
    if (watching)
        stop_watching_input();
    watching = false;
}

/* Before the answer, as the host may send the next frame as soon as it has that. */
static void read_on(const struct thread *self)
{
    pthread_mutex_lock(&lock);
    if (reader == self)
        end_watching();
    pthread_mutex_unlock(&lock);
}

static void serve(const struct thread *self, const struct frame *frame, bool reads_on)
{
    if (frame->header.kind == FRAME_FORK) {
        fork_serve(frame);
        return;
    }
    struct results *results = malloc(frame->results_size);
    if (results == NULL)
        fail(EX_OSERR, "no memory for results of %zu bytes", frame->results_size);
    batch_begin(frame, results);
    batch_run(frame, results);
    if (reads_on)
        read_on(self);
    send_frame(&results->header);
    free(results);
}

static void read_frame(void)
{
    pthread_mutex_unlock(&lock);
    struct frame *frame = receive_frame();
    if (frame == NULL)
        _exit(EX_OK); /* without waiting for threads, which may be blocked for ever */
    dispatch(frame);
    pthread_mutex_lock(&lock);
}

static void serve_first(struct thread *self)
{
    struct frame *frame = self->first;
    self->first = frame->next;
    if (self->first == NULL)
        self->end = &self->first;
    self->request = frame->header.request;
    if (reader == self && frame->header.kind != FRAME_PROMPT_BATCH) {
        watching = frame->header.kind == FRAME_FITTING_BATCH && watch_input();
        if (!watching)
            let_main_thread_read();
    }
    bool reads_on = reader == self && watching;
    pthread_mutex_unlock(&lock);

    serve(self, frame, reads_on);
    free(frame);

    pthread_mutex_lock(&lock);
    self->request = 0;
}

static void *run_thread(void *argument)
{
    struct thread *self = argument;
    sigset_t signals;
    sigemptyset(&signals);
    pthread_sigmask(SIG_SETMASK, &signals, NULL); /* the main thread's may be inherited */
    pthread_mutex_lock(&lock);
    self->tid = gettid();
    pthread_cond_signal(&self->changed);
    for (;;) {
        if (self->first != NULL)
            serve_first(self);
        else if (reader == self)
            read_frame();
        else
            pthread_cond_wait(&self->changed, &lock);
    }
    return NULL;
}

void threads_read_input(void (*dispatch_frame)(struct frame *frame))
{
    dispatch = dispatch_frame;
    main_thread.handle = pthread_self();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, INPUT_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    watch_input_here();
    pthread_mutex_lock(&lock);
    for (;;) {
        if (reader == &main_thread) {
            read_frame();
            continue;
        }
        pthread_mutex_unlock(&lock);
        int signal_number;
        sigwait(&signals, &signal_number);
        pthread_mutex_lock(&lock);
        if (watching) {
            end_watching();
            reader = &main_thread;
        }
    }
}

/* Its id, or a negative errno. */
static pid_t start(void)
{
    struct thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL)
        fail(EX_OSERR, "no memory for a thread");
    pthread_cond_init(&thread->changed, NULL);
    thread->end = &thread->first;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setguardsize(&attributes, GUARD_SIZE);
    int error = pthread_create(&thread->handle, &attributes, run_thread, thread);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        free(thread);
        return -error;
    }
    while (thread->tid == 0)
        pthread_cond_wait(&thread->changed, &lock);
    thread->next = threads;
    threads = thread;
    return thread->tid;
}

void threads_start_first(uint32_t tids[FIRST_THREADS])
{
    pthread_mutex_lock(&lock);
    for (int index = 0; index < FIRST_THREADS; index++) {
        pid_t tid = start();
        if (tid < 0)
            fail(EX_OSERR, "starting a thread: %s", strerror(-tid));
        tids[index] = (uint32_t)tid;
    }
    pthread_mutex_unlock(&lock);
}

void threads_start(const struct frame_header *header)
{
    pthread_mutex_lock(&lock);
    pid_t tid = start();
    pthread_mutex_unlock(&lock);
    struct started started = {.error = tid < 0 ? tid : 0};
    started.header = (struct frame_header){
        .size = sizeof started - sizeof started.header,
        .kind = FRAME_STARTED,
        .request = header->request,
        .thread = tid > 0 ? (uint32_t)tid : 0,
    };
    send_frame(&started.header);
}

static struct thread *find(uint32_t tid)
{
    struct thread *thread = threads;
    while (thread != NULL && (uint32_t)thread->tid != tid)
        thread = thread->next;
    return thread;
}

bool threads_submit(struct frame *frame)
{
    pthread_mutex_lock(&lock);
    struct thread *thread = find(frame->header.thread);
    if (thread != NULL) {
        bool idle = thread->request == 0 && thread->first == NULL;
        bool fits = frame->header.kind == FRAME_FITTING_BATCH || frame->header.kind == FRAME_PROMPT_BATCH;
        *thread->end = frame;
        thread->end = &frame->next;
        if (idle && fits)
            reader = thread;
    }
    pthread_mutex_unlock(&lock);
    if (thread != NULL)
        pthread_cond_signal(&thread->changed); /* without the lock, which it would wait for as soon as it is woken */
    return thread != NULL;
}

bool threads_interrupt(const struct frame_header *header)
{
    pthread_mutex_lock(&lock);
    struct thread *thread = find(header->thread);
    if (thread != NULL && thread->request == header->request)
        pthread_kill(thread->handle, INTERRUPT_SIGNAL);
    pthread_mutex_unlock(&lock);
    return thread != NULL;
}
