/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring to the recorder, and liveness: a full ring makes the guest wait, a dead recorder makes QEMU leave. Words
 * are published in batches, so that the two sides do not fight for the cache line of the head.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"

#define BATCH_WORDS 2048u
#define WAIT_NS 50000
#define FULL_WAIT_NS 200000
#define LEAVE_SECONDS 2

static uint64_t *batch_start; /* of the stretch that g.write walks */
static uint64_t nowhere[BATCH_WORDS]; /* where words go once nobody reads them */

static void leave_at_once(void)
{
    g.reader_gone = true;
    /* QEMU's own way out first: it leaves disk images whole. */
    kill(getpid(), SIGTERM);
    sleep(LEAVE_SECONDS);
    _exit(1);
}

static void *watch_reader(void *unused)
{
    pid_t pid = (pid_t)g.control->reader_pid;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    (void)unused;
    if (fd >= 0) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        while (poll(&p, 1, -1) < 0 && errno == EINTR)
            ;
    } else if (errno != ESRCH) {
        const struct timespec pause = { .tv_nsec = 100000000 };
        while (kill(pid, 0) == 0)
            nanosleep(&pause, NULL);
    }
    leave_at_once();
    return NULL;
}

static bool start_watch(void)
{
    pthread_t thread;
    sigset_t all, before;
    int failed;

    /* Signals are for QEMU's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, watch_reader, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_detach(thread);
    return !failed;
}

bool ring_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *p;

    if (fd < 0 || fstat(fd, &st) < 0) {
        fprintf(stderr, "replay plugin: cannot open the ring %s: %s\n", path, strerror(errno));
        return false;
    }
    p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED) {
        fprintf(stderr, "replay plugin: cannot map the ring %s: %s\n", path, strerror(errno));
        return false;
    }
    g.control = p;
    if (g.control->magic != WIRE_MAGIC || g.control->version != WIRE_VERSION ||
        g.control->control_bytes != WIRE_CONTROL_BYTES ||
        (uint64_t)st.st_size < WIRE_CONTROL_BYTES + g.control->words * sizeof(uint64_t)) {
        fprintf(stderr, "replay plugin: %s is not a ring of wire version %u\n", path, WIRE_VERSION);
        return false;
    }
    g.ring = (uint64_t *)((uint8_t *)p + WIRE_CONTROL_BYTES);
    g.write = g.write_end = batch_start = g.ring;
    return start_watch();
}

static uint64_t written(void) { return g.head + (uint64_t)(g.write - batch_start); }

void ring_publish(void)
{
    if (g.ended || !g.control)
        return;
    g.counters.ordinals = g.ordinal;
    g.counters.accesses = g.ordinal - g.non_accesses;
    g.control->counters = g.counters;
    __atomic_store_n(&g.control->head, written(), __ATOMIC_RELEASE);
}

static bool has_room(uint64_t head, uint64_t words)
{
    return head - __atomic_load_n(&g.control->tail, __ATOMIC_ACQUIRE) + words <= g.control->words;
}

/* A ring that is full is left to drain for a while: a guest that goes on for one batch at a time only wakes and sleeps. */
static void wait_for_room(uint64_t head)
{
    struct timespec from, to;
    const struct timespec pause = { .tv_nsec = FULL_WAIT_NS };
    uint64_t wanted = g.control->words / 8;

    if (has_room(head, BATCH_WORDS))
        return;
    g.counters.stalls++;
    clock_gettime(CLOCK_MONOTONIC, &from);
    while (!has_room(head, wanted > BATCH_WORDS ? wanted : BATCH_WORDS) && !g.reader_gone)
        nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    g.counters.stall_ns += (uint64_t)((to.tv_sec - from.tv_sec) * 1000000000ll + (to.tv_nsec - from.tv_nsec));
}

/* The next stretch ends at a multiple of the batch, which divides the ring: it never wraps. */
void ring_more(void)
{
    uint64_t head = written();

    if (g.ended || g.reader_gone) {
        g.head = head;
        g.write = batch_start = nowhere;
        g.write_end = nowhere + BATCH_WORDS;
        return;
    }
    ring_publish();
    wait_for_room(head);
    g.head = head;
    g.write = batch_start = g.ring + (head & (g.control->words - 1));
    g.write_end = g.write + (BATCH_WORDS - (head & (BATCH_WORDS - 1)));
    if (unlikely(g.control->stop_request))
        g.stop = g.ordinal; /* not here: a record may be half written */
}

static void finish(uint32_t state)
{
    ring_publish();
    g.ended = true;
    __atomic_store_n(&g.control->state, state, __ATOMIC_RELEASE);
}

void ring_finish(uint32_t reason)
{
    if (g.ended || !g.control)
        return;
    g.control->end_reason = reason;
    finish(WIRE_ENDED);
}

void ring_fail(const char *format, ...)
{
    va_list args;

    if (g.ended || !g.control)
        return;
    va_start(args, format);
    vsnprintf(g.control->error, sizeof(g.control->error), format, args);
    va_end(args);
    g.recording = false;
    finish(WIRE_FAILED);
}

bool ring_ask_for_map(void)
{
    const struct timespec pause = { .tv_nsec = WAIT_NS };
    uint32_t request = g.control->map_request + 1;

    ring_publish();
    __atomic_store_n(&g.control->map_request, request, __ATOMIC_RELEASE);
    while (__atomic_load_n(&g.control->map_answer, __ATOMIC_ACQUIRE) != request) {
        if (g.reader_gone || g.control->stop_request)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}
