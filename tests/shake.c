/*
 * Preloaded into a program: kills it at the Nth change that it makes to files whose path begins with SHAKE_PATH: before the change, or in
 * the middle of it where it is a write. SHAKE_AT=0 kills nothing; SHAKE_COUNT names a file that is told how many changes there were.
 * SHAKE_CLOCK=SEED makes the wall clock jump: by up to a year, to and fro, at about every tenth look at it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long changes;

static int is_watched(const char *path)
{
    const char *prefix = getenv("SHAKE_PATH");
    return prefix && path && strncmp(path, prefix, strlen(prefix)) == 0;
}

static int is_watched_fd(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_watched(path);
}

/* 1: this is the change to die at. */
static int is_due(void)
{
    const char *at = getenv("SHAKE_AT");
    long change = __atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
    return at && change == atol(at);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void change_of(int watched)
{
    if (watched && is_due())
        die();
}

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("SHAKE_COUNT");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", changes);
        fclose(file);
    }
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(write);
    if (is_watched_fd(fd) && is_due()) {
        real(fd, bytes, count / 2);
        die();
    }
    return real(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    REAL(pwrite);
    if (is_watched_fd(fd) && is_due()) {
        real(fd, bytes, count / 2, offset);
        die();
    }
    return real(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    REAL(pwrite64);
    if (is_watched_fd(fd) && is_due()) {
        real(fd, bytes, count / 2, offset);
        die();
    }
    return real(fd, bytes, count, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags)
{
    REAL(copy_file_range);
    change_of(is_watched_fd(to));
    return real(from, from_offset, to, to_offset, count, flags);
}

int fsync(int fd)
{
    REAL(fsync);
    change_of(is_watched_fd(fd));
    return real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    change_of(is_watched_fd(fd));
    return real(fd);
}

int ftruncate(int fd, off_t length)
{
    REAL(ftruncate);
    change_of(is_watched_fd(fd));
    return real(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    REAL(ftruncate64);
    change_of(is_watched_fd(fd));
    return real(fd, length);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    change_of(is_watched(from) || is_watched(to));
    return real(from, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    change_of(is_watched(path));
    return real(path);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static unsigned state;
    static long off;
    const char *seed = getenv("SHAKE_CLOCK");
    REAL(clock_gettime);
    int result = real(clock, now);
    if (!seed || clock != CLOCK_REALTIME)
        return result;
    if (state == 0)
        state = atol(seed) | 1;
    state = state * 1664525 + 1013904223;
    if ((state >> 16) % 10 == 0)
        off = (long)(state >> 3) % (730L * 86400) - 365L * 86400;
    now->tv_sec += off;
    return result;
}
