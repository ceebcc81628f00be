/*
 * The least a replay of plain accesses can do: look the page up in a direct-mapped cache of 4096 translations, and walk four levels of tables
 * where it is not there. No second dimension, no page faults, no history.
 *
 *   walk FILE [ROUNDS]
 *
 * FILE holds pairs of 64-bit words, native order: guest-virtual and guest-physical address. Tables are made from the stream itself, in a pass
 * that is not timed. Prints the CPU seconds of each round, a line each, then the accesses that ended elsewhere than recorded and the walks.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

struct access { uint64_t gva, gpa; };

static struct { uint64_t page, frame; } tlb[4096];
static uint64_t *root;

static uint64_t *slot(uint64_t gva)
{
    uint64_t *table = root;
    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[(gva >> shift) & 511];
        if (!*entry)
            *entry = (uint64_t)(uintptr_t)calloc(512, 8);
        if (!*entry)
            exit(1);
        table = (uint64_t *)(uintptr_t)*entry;
    }
    return &table[(gva >> 12) & 511];
}

static uint64_t walk(uint64_t gva)
{
    uint64_t *table = root;
    for (int shift = 39; shift > 12; shift -= 9) {
        table = (uint64_t *)(uintptr_t)table[(gva >> shift) & 511];
        if (!table)
            return 0;
    }
    return table[(gva >> 12) & 511];
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct stat info;
    int file = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    int rounds = argc > 2 ? atoi(argv[2]) : 3;
    if (file < 0 || fstat(file, &info) || !(root = calloc(512, 8)))
        return 1;
    const struct access *stream = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    size_t count = info.st_size / sizeof *stream;
    if (stream == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < count; i++)
        *slot(stream[i].gva) = stream[i].gpa & ~4095ULL;

    uint64_t elsewhere = 0, walks = 0;
    for (int round = 0; round < rounds; round++) {
        double start = seconds();
        elsewhere = walks = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t page = stream[i].gva >> 12;
            size_t at = page & 4095;
            if (tlb[at].page != page) {
                tlb[at].page = page;
                tlb[at].frame = walk(stream[i].gva);
                walks++;
            }
            elsewhere += tlb[at].frame != (stream[i].gpa & ~4095ULL);
        }
        printf("%.6f\n", seconds() - start);
    }
    printf("%llu %llu\n", (unsigned long long)elsewhere, (unsigned long long)walks);
    return 0;
}
