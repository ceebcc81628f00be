/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over the guest's page tables, which finds out what pages serve as tables, and through which of them the
 * slots of the filter were translated.
 */
#include <string.h>

#include "recorder.h"

#define FLOOD 3
#define PTE_PRESENT 1ull
#define PTE_HUGE (1ull << 7)
#define PTE_FRAME 0x000ffffffffff000ull

/* A page that serves as a table: the first time, its content goes into the stream, before what uses it. */
static const uint8_t *table_page(uint64_t gpa)
{
    uint64_t offset;
    uint8_t *page, *flags;

    if (!memory_offset(gpa, &offset)) {
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

/*
 * Does what a store to a table makes a hypervisor forget concern any slot of the filter? Each access that takes a slot
 * stamps the tables of its walk with the filter's generation, not before: on the way there the filter may have been emptied.
 */
static uint16_t generation(void) { return (uint16_t)(g.generation >> GENERATION_SHIFT); }

void walk_stamp_path(void)
{
    for (unsigned i = 0; i < g.path_length; i++)
        g.translated[g.path[i]] = generation();
}

/*
 * KVM's shadow of a table that leads to others can go as a whole, at a store across entries or after FLOOD of them
 * without a walk in between, and takes with it what is out of sync below: other tables may lead there, too.
 */
bool walk_slots_depend_on_store(uint64_t table)
{
    uint64_t offset, page;

    if (!memory_offset(table, &offset))
        return true;
    page = offset / PAGE_BYTES;
    if (g.translated[page] == generation())
        return true;
    return g.page_flags[page] & PAGE_LEADS_TO_TABLES && g.stores[page] < FLOOD;
}

void walk_note_store(uint64_t table)
{
    uint64_t offset;

    if (memory_offset(table, &offset) && g.stores[offset / PAGE_BYTES] < FLOOD)
        g.stores[offset / PAGE_BYTES]++;
}
