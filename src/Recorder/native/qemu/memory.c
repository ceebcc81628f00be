/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest RAM (QEMU's own mapping of it, in this very process), and the memory map as the recorder reports it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define RAM_MAPPING "/memfd:memory-backend-memfd"
#define LEGACY_BYTES 0x100000ull /* below, guest RAM is where its offset says, mapped or shadowed */

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
    g.page_flags = calloc(g.ram_bytes / PAGE_BYTES, sizeof(*g.page_flags));
    g.translated = calloc(g.ram_bytes / PAGE_BYTES, sizeof(*g.translated));
    g.stores = calloc(g.ram_bytes / PAGE_BYTES, sizeof(*g.stores));
    return g.page_flags && g.translated && g.stores;
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

    if (!s || !(s->flags & WIRE_MEMSLOT_GUEST_RAM))
        return false;
    *offset = s->ram_offset + (gpa - s->gpa);
    return *offset < g.ram_bytes;
}

uint8_t *memory_at(uint64_t gpa)
{
    uint64_t offset;

    return memory_offset(gpa, &offset) ? g.ram + offset : NULL;
}

uint8_t *memory_flags(uint64_t gpa)
{
    uint64_t offset;

    return memory_offset(gpa, &offset) ? g.page_flags + offset / PAGE_BYTES : NULL;
}

bool memory_gpa_of_host(const void *host, uint64_t *gpa)
{
    uint64_t offset = (uint64_t)((const uint8_t *)host - g.ram);

    if (!host || offset >= g.ram_bytes)
        return false;
    *gpa = offset;
    if (offset < LEGACY_BYTES)
        return true;
    for (unsigned i = 0; i < WIRE_MAX_MEMSLOTS; i++) {
        const struct wire_memslot *s = &g.memslots[i];

        if (s->flags & WIRE_MEMSLOT_GUEST_RAM && offset - s->ram_offset < s->bytes) {
            *gpa = s->gpa + (offset - s->ram_offset);
            return true;
        }
    }
    return false;
}

static void apply_slot(const struct wire_memslot *change)
{
    struct wire_event e = { .value = change->bytes, .access = change->flags };

    if (change->slot >= WIRE_MAX_MEMSLOTS)
        return;
    g.memslots[change->slot] = *change;
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
    if (g.map_stale) {
        g.map_stale = false;
        if (ring_ask_for_map())
            memory_update_slots();
        if (agrees(gpa, write, *io))
            return;
    }
    s = slot_at(gpa);
    if (*io)
        g.counters.device_in_slot++;
    else if (s)
        *io = true;
    else
        g.counters.unslotted++;
}
