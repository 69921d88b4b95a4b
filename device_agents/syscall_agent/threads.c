/* Runs each batch on the thread it is meant for, one after the other. */
#include "threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "batch.h"
#include "fork.h"

struct job {
    struct job *next;
    struct frame *frame;
    size_t results_size;
};

struct thread {
    struct thread *next;
    pthread_t handle;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    pid_t tid;            /* 0 until the thread runs */
    struct job *first;
    struct job **end;
    uint32_t request;     /* the one being served, or 0 */
};

/* Used only by the thread that reads the input; threads never end before the process does. */
static struct thread *threads;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
}

void threads_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* without SA_RESTART */
    sigaction(INTERRUPT_SIGNAL, &action, NULL);
}

static void serve(const struct job *job)
{
    if (job->frame->header.kind == FRAME_FORK) {
        fork_serve(job->frame, job->results_size);
        return;
    }
    struct results *results = malloc(job->results_size);
    if (results == NULL)
        fail(EX_OSERR, "no memory for results of %zu bytes", job->results_size);
    batch_begin(job->frame, results);
    batch_run(job->frame, results);
    send_frame(&results->header);
    free(results);
}

static void *run_thread(void *argument)
{
    struct thread *self = argument;
    pthread_mutex_lock(&self->lock);
    self->tid = gettid();
    pthread_cond_signal(&self->changed);
    for (;;) {
        while (self->first == NULL)
            pthread_cond_wait(&self->changed, &self->lock);
        struct job *job = self->first;
        self->first = job->next;
        if (self->first == NULL)
            self->end = &self->first;
        self->request = job->frame->header.request;
        pthread_mutex_unlock(&self->lock);

        serve(job);
        free(job->frame);
        free(job);

        pthread_mutex_lock(&self->lock);
        self->request = 0;
    }
    return NULL;
}

void threads_start(const struct frame_header *header)
{
    struct started started = {.header = *header};
    started.header.kind = FRAME_STARTED;
    started.header.size = sizeof started - sizeof started.header;

    struct thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL)
        fail(EX_OSERR, "no memory for a thread");
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->changed, NULL);
    thread->end = &thread->first;
    int error = pthread_create(&thread->handle, NULL, run_thread, thread);
    if (error != 0) {
        started.error = -error;
        free(thread);
    } else {
        pthread_mutex_lock(&thread->lock);
        while (thread->tid == 0)
            pthread_cond_wait(&thread->changed, &thread->lock);
        pthread_mutex_unlock(&thread->lock);
        thread->next = threads;
        threads = thread;
        started.header.thread = (uint32_t)thread->tid;
    }
    send_frame(&started.header);
}

static struct thread *find(uint32_t tid)
{
    struct thread *thread = threads;
    while (thread != NULL && (uint32_t)thread->tid != tid)
        thread = thread->next;
    return thread;
}

bool threads_submit(struct frame *frame, size_t results_size)
{
    struct thread *thread = find(frame->header.thread);
    if (thread == NULL)
        return false;
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        fail(EX_OSERR, "no memory for a request");
    *job = (struct job){.frame = frame, .results_size = results_size};
    pthread_mutex_lock(&thread->lock);
    *thread->end = job;
    thread->end = &job->next;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    return true;
}

bool threads_interrupt(const struct frame_header *header)
{
    struct thread *thread = find(header->thread);
    if (thread == NULL)
        return false;
    pthread_mutex_lock(&thread->lock);
    if (thread->request == header->request)
        pthread_kill(thread->handle, INTERRUPT_SIGNAL);
    pthread_mutex_unlock(&thread->lock);
    return true;
}
