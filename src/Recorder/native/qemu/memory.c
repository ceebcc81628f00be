/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM (QEMU's own mapping of it, in this very process), other blocks of RAM that come and go, and the memory map as
 * the recorder reports it. Pages are numbered through, guest RAM first.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "recorder.h"

#define RAM_MAPPING "/memfd:memory-backend-memfd"
#define LEGACY_BYTES 0x100000ull /* below, guest RAM is where its offset says, mapped or shadowed */

#define MAX_BLOCKS 64u

struct block { uint64_t host, bytes, first; }; /* first: offset behind guest RAM */

static struct block blocks[MAX_BLOCKS];
static unsigned block_count;

static void *grow(void *array, size_t size, uint64_t pages)
{
    uint8_t *more = realloc(array, pages * size);

    if (!more)
        abort();
    memset(more + g.pages * size, 0, (pages - g.pages) * size);
    return more;
}

static void number_pages(uint64_t pages)
{
    g.page_flags = grow(g.page_flags, sizeof(*g.page_flags), pages);
    g.translated = grow(g.translated, sizeof(*g.translated), pages);
    g.stores = grow(g.stores, sizeof(*g.stores), pages);
    g.pages = pages;
}

static const struct block *block_of(const struct wire_memslot *s)
{
    for (unsigned i = 0; i < block_count; i++)
        if (s->host >= blocks[i].host && s->host - blocks[i].host + s->bytes <= blocks[i].bytes)
            return &blocks[i];
    return NULL;
}

/* RAM beside the guest's own: hot-plugged, or a device's. */
static void add_block(const struct wire_memslot *s)
{
    if (!s->host || !s->bytes || block_of(s) || block_count == MAX_BLOCKS)
        return;
    blocks[block_count++] = (struct block){ s->host, s->bytes, g.pages * PAGE_BYTES };
    number_pages(g.pages + s->bytes / PAGE_BYTES);
}

bool memory_find_ram(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    uint64_t start, end, base = 0, next = 0;

    while (f && fgets(line, sizeof(line), f)) {
        if (!strstr(line, RAM_MAPPING) || sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
            continue;
        if (start != next)
            base = start;
        next = end;
        if (next - base == g.control->ram_bytes)
            break;
    }
    if (f)
        fclose(f);
    if (next - base != g.control->ram_bytes || !base) {
        ring_fail("guest RAM is not the memory-backend-memfd of %" PRIu64 " bytes that the recorder asked for", g.control->ram_bytes);
        return false;
    }
    g.ram = (uint8_t *)base;
    g.ram_bytes = g.control->ram_bytes;
    number_pages(g.ram_bytes / PAGE_BYTES);
    return true;
}

static const struct wire_memslot *slot_at(uint64_t gpa)
{
    static const struct wire_memslot *last = g.memslots;

    if (gpa - last->gpa < last->bytes)
        return last;
    for (unsigned i = 0; i < WIRE_MAX_MEMSLOTS; i++)
        if (gpa - g.memslots[i].gpa < g.memslots[i].bytes)
            return last = &g.memslots[i];
    return NULL;
}

bool memory_offset(uint64_t gpa, uint64_t *offset)
{
    const struct wire_memslot *s = slot_at(gpa);
    const struct block *b;

    if (!s)
        return false;
    if (s->flags & WIRE_MEMSLOT_GUEST_RAM) {
        *offset = s->ram_offset + (gpa - s->gpa);
        return *offset < g.ram_bytes;
    }
    if (!s->host || !(b = block_of(s)))
        return false;
    *offset = b->first + (s->host - b->host) + (gpa - s->gpa);
    return true;
}

/* A block that was unplugged may be gone before the memory map says so: it is read with care. */
bool memory_copy(uint64_t offset, void *to, size_t bytes)
{
    if (likely(offset < g.ram_bytes)) {
        memcpy(to, g.ram + offset, bytes);
        return true;
    }
    for (unsigned i = 0; i < block_count; i++)
        if (offset - blocks[i].first < blocks[i].bytes) {
            struct iovec from = { (void *)(blocks[i].host + (offset - blocks[i].first)), bytes }, into = { to, bytes };

            return process_vm_readv(getpid(), &into, 1, &from, 1, 0) == (ssize_t)bytes;
        }
    return false;
}

uint8_t *memory_flags(uint64_t gpa)
{
    uint64_t offset;

    return memory_offset(gpa, &offset) ? g.page_flags + offset / PAGE_BYTES : NULL;
}

bool memory_gpa_of_host(const void *host, uint64_t *gpa)
{
    uint64_t at = (uint64_t)host, offset = at - (uint64_t)g.ram;
    bool ours = offset < g.ram_bytes;

    if (!host)
        return false;
    *gpa = offset;
    if (offset < LEGACY_BYTES)
        return true;
    for (unsigned i = 0; i < WIRE_MAX_MEMSLOTS; i++) {
        const struct wire_memslot *s = &g.memslots[i];
        uint64_t in_slot = s->flags & WIRE_MEMSLOT_GUEST_RAM ? offset - s->ram_offset : at - s->host;

        if (s->flags & WIRE_MEMSLOT_GUEST_RAM ? ours && in_slot < s->bytes : s->host && in_slot < s->bytes) {
            *gpa = s->gpa + in_slot;
            return true;
        }
    }
    return false;
}

static uint64_t host_of(uint64_t gpa)
{
    const struct wire_memslot *s = slot_at(gpa);
    bool ours = s && s->flags & WIRE_MEMSLOT_GUEST_RAM;

    return !s || (!ours && !s->host) ? 0 : (ours ? (uint64_t)g.ram + s->ram_offset : s->host) + (gpa - s->gpa);
}

/* The same memory at two addresses, as firmware is, at the top of 4 GiB and of 1 MiB? */
bool memory_is_same(uint64_t gpa, uint64_t other)
{
    return gpa == other || (host_of(gpa) && host_of(gpa) == host_of(other));
}

static void apply_slot(const struct wire_memslot *change)
{
    struct wire_event e = { .value = change->bytes, .access = change->flags };

    if (change->slot >= WIRE_MAX_MEMSLOTS)
        return;
    g.memslots[change->slot] = *change;
    add_block(change);
    if (g.recording)
        emit_event(WIRE_MEMSLOT, change->slot, change->gpa, 0, e);
}

void memory_update_slots(void)
{
    for (unsigned i = 0; i < g.control->map_count && i < WIRE_MAX_MEMSLOTS; i++) {
        apply_slot(&g.control->map[i]);
        g.counters.memslot_changes += g.recording;
    }
    if (g.control->map_count)
        flush_filter();
}

/* The slots as they stand where the recording starts. */
void memory_start_slots(void)
{
    bool recording = g.recording;

    g.recording = false; /* the firmware's changes are not part of the stream */
    if (ring_ask_for_map())
        memory_update_slots();
    g.recording = recording;
    g.map_stale = false;
    for (unsigned i = 0; i < WIRE_MAX_MEMSLOTS; i++)
        if (g.memslots[i].bytes)
            apply_slot(&g.memslots[i]);
}

/* A table outside what is known to be RAM: memory may have come since the map was last asked for. */
bool memory_refresh(void)
{
    if (!g.map_stale)
        return false;
    g.map_stale = false;
    if (!ring_ask_for_map() || !g.control->map_count)
        return false;
    memory_update_slots();
    return true;
}

static bool agrees(uint64_t gpa, bool write, bool io)
{
    const struct wire_memslot *s = slot_at(gpa);
    bool refused = s && write && s->flags & WIRE_MEMSLOT_READONLY;

    return io ? !s || refused : s && !refused;
}

/*
 * Does the memory map that the recorder knows allow this access? If not, the guest may have moved memory about (PAM,
 * SMRAM, a PCI BAR): ask again. A store that QEMU drops because it hits ROM leaves KVM as MMIO, hence *io.
 */
void memory_check(uint64_t gpa, bool write, bool *io)
{
    const struct wire_memslot *s;

    if (likely(agrees(gpa, write, *io)))
        return;
    if (memory_refresh() && agrees(gpa, write, *io))
        return;
    s = slot_at(gpa);
    if (*io)
        g.counters.device_in_slot++;
    else if (s)
        *io = true;
    else
        g.counters.unslotted++;
}
