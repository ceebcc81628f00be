/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over the guest's page tables, which finds out what pages serve as tables, and through which of them the
 * slots of the filter were translated.
 */
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define FLOOD 3
#define UNUSED 64 /* stores without a walk after which a page is taken for a table no more */
#define PTE_PRESENT 1ull
#define PTE_HUGE (1ull << 7)
#define PTE_FRAME 0x000ffffffffff000ull

static void note_leading(uint64_t page)
{
    if (g.page_flags[page] & PAGE_LEADS_TO_TABLES)
        return;
    g.page_flags[page] |= PAGE_LEADS_TO_TABLES;
    if (g.leading_count == g.leading_room) {
        size_t room = g.leading_room ? 2 * g.leading_room : 1024;
        uint64_t *more = realloc(g.leading, room * sizeof(*more));

        if (!more)
            abort();
        g.leading = more;
        g.leading_room = room;
    }
    g.leading[g.leading_count++] = page;
}

#define NO_PAGE (~0ull)

/* One dimension of a walk: the guest's own tables, or those that map a nested guest's physical addresses. */
struct tables {
    uint64_t root;
    uint64_t cr4, efer; /* their format */
    uint64_t leader;    /* page of the table that leads to the next one, for a hypervisor that shadows them */
    bool mapped;        /* their addresses are a nested guest's */
};

static bool walk_tables(struct tables *t, uint64_t va, uint64_t *to);

/* Where a nested guest's physical address is in the machine. */
static bool nested_gpa(uint64_t l2_gpa, uint64_t *gpa)
{
    const struct nested *n = &g.cpu->nested;
    struct tables t = { .root = n->entry.nested_cr3, .cr4 = n->l1.cr4, .efer = n->l1.efer, .leader = NO_PAGE };

    return walk_tables(&t, l2_gpa, gpa);
}

/* What a hypervisor, told of a fault there, finds in the tables: they may not have been seen, since no walk came to its end. */
void walk_nested_fault(uint64_t l2_gpa)
{
    uint64_t ignored;

    g.path_length = 0;
    nested_gpa(l2_gpa, &ignored);
}

/* A page that serves as a table: the first time, its content goes into the stream, before what uses it. */
static bool meet_table(struct tables *t, uint64_t gpa, uint64_t *offset)
{
    static uint8_t content[PAGE_BYTES];
    uint64_t page;

    if (t->mapped && !nested_gpa(gpa, &gpa))
        return false;
    if (!memory_offset(gpa, offset) && !(memory_refresh() && memory_offset(gpa, offset))) {
        g.counters.table_off_ram++;
        return false;
    }
    page = *offset / PAGE_BYTES;
    if (t->leader != NO_PAGE)
        note_leading(t->leader);
    t->leader = t->mapped ? NO_PAGE : page; /* no hypervisor shadows what it maps by nested tables */
    g.path[g.path_length++] = page;
    g.stores[page] = 0;
    if (unlikely(!(g.page_flags[page] & PAGE_IS_TABLE) && g.recording)) {
        if (!memory_copy(PAGE_BASE(*offset), content, sizeof(content)))
            return false;
        g.page_flags[page] |= PAGE_IS_TABLE;
        g.counters.table_pages++; /* again, where it was released */
        emit_page_image(PAGE_BASE(gpa), content);
        flush_filter(); /* slots may stand for stores to it */
    }
    return true;
}

static bool entry_at(struct tables *t, uint64_t table, unsigned index, unsigned bytes, uint64_t *entry)
{
    uint64_t offset;

    *entry = 0;
    return meet_table(t, table, &offset) && memory_copy(offset + index * bytes, entry, bytes) && *entry & PTE_PRESENT;
}

static bool walk_long(struct tables *t, uint64_t va, int levels, uint64_t *to)
{
    uint64_t entry = t->root;

    for (int level = levels; level > 0; level--) {
        int shift = 12 + 9 * (level - 1);
        uint64_t page = (1ull << shift) - 1;

        if (!entry_at(t, entry & PTE_FRAME, va >> shift & 511, 8, &entry))
            return false;
        if (level == 1 || (level <= 3 && entry & PTE_HUGE)) {
            *to = (entry & PTE_FRAME & ~page) | (va & page);
            return true;
        }
    }
    return false;
}

static bool walk_pae(struct tables *t, uint64_t va, uint64_t *to)
{
    uint64_t entry;

    va = (uint32_t)va;
    if (!entry_at(t, t->root & 0xffffffe0ull, va >> 30, 8, &entry))
        return false;
    if (!entry_at(t, entry & PTE_FRAME, va >> 21 & 511, 8, &entry))
        return false;
    if (entry & PTE_HUGE) {
        *to = (entry & PTE_FRAME & ~0x1fffffull) | (va & 0x1fffff);
        return true;
    }
    if (!entry_at(t, entry & PTE_FRAME, va >> 12 & 511, 8, &entry))
        return false;
    *to = (entry & PTE_FRAME) | PAGE_OFFSET(va);
    return true;
}

static bool walk_32(struct tables *t, uint64_t va, uint64_t *to)
{
    uint64_t entry;

    va = (uint32_t)va;
    if (!entry_at(t, t->root & 0xfffff000ull, va >> 22, 4, &entry))
        return false;
    if (entry & PTE_HUGE && t->cr4 & CR4_PSE) { /* PSE-36: frame bits 39..32 in 20..13 */
        *to = (entry & 0xffc00000ull) | (entry & 0x1fe000ull) << 19 | (va & 0x3fffff);
        return true;
    }
    if (!entry_at(t, entry & 0xfffff000ull, va >> 12 & 1023, 4, &entry))
        return false;
    *to = (entry & 0xfffff000ull) | PAGE_OFFSET(va);
    return true;
}

static bool walk_tables(struct tables *t, uint64_t va, uint64_t *to)
{
    if (t->efer & EFER_LMA)
        return walk_long(t, va, t->cr4 & CR4_LA57 ? 5 : 4, to);
    return t->cr4 & CR4_PAE ? walk_pae(t, va, to) : walk_32(t, va, to);
}

bool walk(uint64_t va, uint64_t *gpa)
{
    const struct vcpu *c = g.cpu;
    struct tables t = { .root = c->cr3, .cr4 = c->cr4, .efer = c->efer, .leader = NO_PAGE, .mapped = c->nested.paging };

    g.path_length = 0;
    *gpa = (uint32_t)va;
    if (c->cr0 & CR0_PG && !walk_tables(&t, va, gpa))
        return false;
    if (!c->nested.paging)
        return true;
    g.l2_gpa = *gpa;
    return nested_gpa(g.l2_gpa, gpa);
}

bool walk_read(uint64_t va, void *to, unsigned bytes)
{
    uint8_t *out = to;
    uint64_t gpa, offset;

    if (!g.cpu->nested.paging)
        return cpu_read(va, to, bytes);
    while (bytes) { /* QEMU's own look at memory knows of one dimension only */
        unsigned room = (unsigned)(PAGE_BYTES - PAGE_OFFSET(va)), part = bytes < room ? bytes : room;

        if (!walk(va, &gpa) || !memory_offset(gpa, &offset) || !memory_copy(offset, out, part))
            return false;
        va += part, out += part, bytes -= part;
    }
    return true;
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

    if (memory_offset(table, &offset) && g.stores[offset / PAGE_BYTES] < UNUSED)
        g.stores[offset / PAGE_BYTES]++;
}

/* Does an entry that can lead to another table point at this page? A word of 32 bits is the lower half of either format. */
static bool page_links_to(const uint8_t *page, uint64_t gpa)
{
    uint32_t word, high;

    for (unsigned at = 0; at < PAGE_BYTES; at += sizeof(word)) {
        memcpy(&word, page + at, sizeof(word));
        if ((word & 0xfffff000u) != (uint32_t)gpa || !(word & PTE_PRESENT) || word & PTE_HUGE)
            continue;
        if (gpa >> 32 == 0)
            return true;
        memcpy(&high, page + (at | sizeof(word)), sizeof(high));
        if ((high & 0xfffffu) == gpa >> 32)
            return true;
    }
    return false;
}

static bool is_root(const struct vcpu *c, uint64_t gpa)
{
    if (c->nested.active && (PAGE_BASE(c->nested.l1.cr3 & PTE_FRAME) == gpa || PAGE_BASE(c->nested.entry.nested_cr3 & PTE_FRAME) == gpa))
        return true;
    return !c->nested.paging && PAGE_BASE(c->cr3 & PTE_FRAME) == gpa;
}

/* A root of some vCPU, or linked from a table that leads to others. */
static bool is_linked(uint64_t gpa)
{
    for (unsigned i = 0; i < g.vcpu_count; i++)
        if (is_root(&g.vcpus[i], gpa))
            return true;
    for (size_t i = 0; i < g.leading_count; i++)
        if (g.leading[i] >= g.ram_bytes / PAGE_BYTES || page_links_to(g.ram + g.leading[i] * PAGE_BYTES, gpa))
            return true;
    return false;
}

static void forget_leading(uint64_t page)
{
    for (size_t i = 0; i < g.leading_count; i++)
        if (g.leading[i] == page)
            g.leading[i--] = g.leading[--g.leading_count];
}

/*
 * A page that took so many stores since a walk went through it, and that no table leads to, is memory again. No slot
 * stands for a translation through it, since each store that concerned one emptied the filter; and a hypervisor that
 * shadows it can get there only after a walk, which tells its content anew. While it is linked, its content counts.
 */
void walk_release_unused(uint64_t table)
{
    uint64_t offset, page;

    if (!memory_offset(table, &offset) || g.stores[page = offset / PAGE_BYTES] < UNUSED)
        return;
    g.stores[page] = FLOOD; /* the next look comes after as many stores */
    if (is_linked(PAGE_BASE(table)))
        return;
    if (g.page_flags[page] & PAGE_LEADS_TO_TABLES)
        forget_leading(page);
    g.page_flags[page] &= (uint8_t)~(PAGE_IS_TABLE | PAGE_LEADS_TO_TABLES);
    g.stores[page] = 0;
    g.counters.released++;
    emit_event(WIRE_PAGE_RELEASE, 0, PAGE_BASE(table), 0, (struct wire_event){ 0 });
}

/*
 * What system management mode touches is another address space, for KVM too, and no part of the stream. A table that it
 * stores to is released and told anew.
 */
void walk_note_untold_store(uint64_t gpa)
{
    static uint8_t content[PAGE_BYTES];
    uint64_t offset;
    const uint8_t *page;

    if (!memory_offset(gpa, &offset))
        return;
    page = g.page_flags + offset / PAGE_BYTES;
    if (*page & PAGE_HOLDS_IDT)
        gates_stale();
    if (!(*page & PAGE_IS_TABLE) || !memory_copy(PAGE_BASE(offset), content, sizeof(content)))
        return;
    g.counters.management_tables++;
    emit_event(WIRE_PAGE_RELEASE, 0, PAGE_BASE(gpa), 0, (struct wire_event){ 0 });
    emit_page_image(PAGE_BASE(gpa), content);
    flush_filter();
}
