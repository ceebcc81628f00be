/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM (QEMU's own mapping of it, in this very process), the memory map as the recorder reports it, and the walk
 * over the guest's page tables that finds out which pages serve as tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define RAM_MAPPING "/memfd:memory-backend-memfd"
#define LEGACY_BYTES 0x100000ull /* below, guest RAM is where its offset says, mapped or shadowed */

#define FLOOD 3
#define PTE_PRESENT 1ull
#define PTE_HUGE (1ull << 7)
#define PTE_FRAME 0x000ffffffffff000ull

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

static bool ram_offset(uint64_t gpa, uint64_t *offset)
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

    return ram_offset(gpa, &offset) ? g.ram + offset : NULL;
}

uint8_t *memory_flags(uint64_t gpa)
{
    uint64_t offset;

    return ram_offset(gpa, &offset) ? g.page_flags + offset / PAGE_BYTES : NULL;
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

/*
 * Does what a store to a table makes a hypervisor forget concern any slot of the filter? Each access that takes a slot
 * stamps the tables of its walk with the filter's generation, not before: on the way there the filter may have been emptied.
 */
static uint16_t generation(void) { return (uint16_t)(g.generation >> GENERATION_SHIFT); }

void memory_stamp_path(void)
{
    for (unsigned i = 0; i < g.path_length; i++)
        g.translated[g.path[i]] = generation();
}

/*
 * KVM's shadow of a table that leads to others can go as a whole, at a store across entries or after FLOOD of them
 * without a walk in between, and takes with it what is out of sync below: other tables may lead there, too.
 */
bool memory_slots_depend_on_store(uint64_t table)
{
    uint64_t offset, page;

    if (!ram_offset(table, &offset))
        return true;
    page = offset / PAGE_BYTES;
    if (g.translated[page] == generation())
        return true;
    return g.page_flags[page] & PAGE_LEADS_TO_TABLES && g.stores[page] < FLOOD;
}

void memory_note_store(uint64_t table)
{
    uint64_t offset;

    if (ram_offset(table, &offset) && g.stores[offset / PAGE_BYTES] < FLOOD)
        g.stores[offset / PAGE_BYTES]++;
}

void memory_forget_stamps(void)
{
    if (g.translated)
        memset(g.translated, 0, g.ram_bytes / PAGE_BYTES * sizeof(*g.translated));
}

/* A page that serves as a table: the first time, its content goes into the stream, before what uses it. */
static const uint8_t *table_page(uint64_t gpa)
{
    uint64_t offset;
    uint8_t *page, *flags;

    if (!ram_offset(gpa, &offset)) {
        g.counters.table_off_ram++;
        return NULL;
    }
    page = g.ram + PAGE_BASE(offset);
    flags = g.page_flags + offset / PAGE_BYTES;
    if (g.path_length)
        g.page_flags[g.path[g.path_length - 1]] |= PAGE_LEADS_TO_TABLES;
    g.path[g.path_length++] = offset / PAGE_BYTES;
    g.stores[offset / PAGE_BYTES] = 0;
    if (unlikely(!(*flags & PAGE_IS_TABLE) && g.recording)) {
        *flags |= PAGE_IS_TABLE;
        g.counters.table_pages++;
        emit_page_image(PAGE_BASE(gpa), page);
        flush_filter(); /* slots may stand for stores to it */
    }
    return page;
}

static bool entry_at(uint64_t table, unsigned index, unsigned bytes, uint64_t *entry)
{
    const uint8_t *page = table_page(table);

    *entry = 0;
    if (!page)
        return false;
    memcpy(entry, page + PAGE_OFFSET(table) + index * bytes, bytes);
    return *entry & PTE_PRESENT;
}

static bool walk_long(uint64_t va, int levels, uint64_t *gpa)
{
    uint64_t entry = g.cpu->cr3;

    for (int level = levels; level > 0; level--) {
        int shift = 12 + 9 * (level - 1);
        uint64_t page = (1ull << shift) - 1;

        if (!entry_at(entry & PTE_FRAME, va >> shift & 511, 8, &entry))
            return false;
        if (level == 1 || (level <= 3 && entry & PTE_HUGE)) {
            *gpa = (entry & PTE_FRAME & ~page) | (va & page);
            return true;
        }
    }
    return false;
}

static bool walk_pae(uint64_t va, uint64_t *gpa)
{
    uint64_t entry;

    va = (uint32_t)va;
    if (!entry_at(g.cpu->cr3 & 0xffffffe0ull, va >> 30, 8, &entry))
        return false;
    if (!entry_at(entry & PTE_FRAME, va >> 21 & 511, 8, &entry))
        return false;
    if (entry & PTE_HUGE) {
        *gpa = (entry & PTE_FRAME & ~0x1fffffull) | (va & 0x1fffff);
        return true;
    }
    if (!entry_at(entry & PTE_FRAME, va >> 12 & 511, 8, &entry))
        return false;
    *gpa = (entry & PTE_FRAME) | PAGE_OFFSET(va);
    return true;
}

static bool walk_32(uint64_t va, uint64_t *gpa)
{
    uint64_t entry;

    va = (uint32_t)va;
    if (!entry_at(g.cpu->cr3 & 0xfffff000ull, va >> 22, 4, &entry))
        return false;
    if (entry & PTE_HUGE && g.cpu->cr4 & CR4_PSE) { /* PSE-36: frame bits 39..32 in 20..13 */
        *gpa = (entry & 0xffc00000ull) | (entry & 0x1fe000ull) << 19 | (va & 0x3fffff);
        return true;
    }
    if (!entry_at(entry & 0xfffff000ull, va >> 12 & 1023, 4, &entry))
        return false;
    *gpa = (entry & 0xfffff000ull) | PAGE_OFFSET(va);
    return true;
}

bool walk(uint64_t va, uint64_t *gpa)
{
    const struct vcpu *c = g.cpu;

    g.path_length = 0;
    if (!(c->cr0 & CR0_PG)) {
        *gpa = (uint32_t)va;
        return true;
    }
    if (c->efer & EFER_LMA)
        return walk_long(va, c->cr4 & CR4_LA57 ? 5 : 4, gpa);
    return c->cr4 & CR4_PAE ? walk_pae(va, gpa) : walk_32(va, gpa);
}
