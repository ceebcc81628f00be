/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes a slot of the page filter, and what a slot's hit becomes. The fast path's part of it is in access.c. */
#include <stdlib.h>

#include "page_filter.h"

void filter_allocate(struct vcpu *cpu, unsigned slots)
{
    cpu->filter = calloc(slots, sizeof(uint64_t));
    cpu->places = calloc(slots, sizeof(uint64_t));
}

struct wire_event filter_nested_extra(uint64_t va)
{
    if (!g.cpu->nested.paging)
        return (struct wire_event){ 0 };
    return (struct wire_event){ .present = WIRE_HAS_L2_GPA, .l2_gpa = PAGE_BASE(g.l2_gpa) | PAGE_OFFSET(va) };
}

/* The word of an access that a slot stands for, without the instruction. */
static uint64_t word_of(size_t slot, uint64_t va, unsigned size)
{
    return g.cpu->places[slot] | PAGE_OFFSET(va) | (uint64_t)size << WIRE_WORD_SIZE_SHIFT;
}

/*
 * In L2 every access that is recorded is an event. A recording of every access therefore has slots of its own for it, and
 * leaves those of the fast path empty.
 */
static bool has_slots_of_its_own(const struct vcpu *c) { return c->nested.active && !g.filtered; }

static struct nested_slot *nested_slot(struct vcpu *c, size_t slot)
{
    if (!c->nested.slots)
        c->nested.slots = calloc(g.slot_mask + 1, sizeof(*c->nested.slots));
    if (!c->nested.slots)
        abort();
    return &c->nested.slots[slot];
}

static void record_nested_miss(uint64_t va, uint64_t gpa, unsigned size, unsigned flags, unsigned kind, uint64_t rip, uint64_t key,
                               bool keep)
{
    struct wire_event extra = filter_nested_extra(va);

    if (keep && g.filtered)
        g.cpu->filter[filter_slot(key)] = key;
    else if (keep)
        *nested_slot(g.cpu, filter_slot(key)) = (struct nested_slot){ key, PAGE_BASE(gpa), PAGE_BASE(extra.l2_gpa), flags };
    emit_nested_access(kind, va, place_of(gpa, flags, size), rip, extra);
}

static bool record_nested_hit(uint64_t va, unsigned size, unsigned kind, uint64_t rip, uint64_t key)
{
    const struct nested_slot *s = nested_slot(g.cpu, filter_slot(key));
    struct wire_event extra = { 0 };

    if (s->key != key)
        return false;
    g.ordinal++;
    if (g.cpu->nested.paging)
        extra = (struct wire_event){ .present = WIRE_HAS_L2_GPA, .l2_gpa = s->l2_gpa | PAGE_OFFSET(va) };
    emit_nested_access(kind, va, place_of(s->gpa | PAGE_OFFSET(va), s->flags, size), rip, extra);
    return true;
}

void filter_miss(uint64_t va, uint64_t gpa, unsigned size, unsigned class, unsigned kind, unsigned flags, uint64_t rip, bool keep)
{
    uint64_t key;
    size_t slot;

    (void)next_ordinal(); /* first: it may empty the filter */
    if (!g.recording)
        return;
    key = filter_key(va, class, kind);
    slot = filter_slot(key);
    if (keep)
        walk_stamp_path();
    if (unlikely(g.cpu->nested.active)) {
        record_nested_miss(va, gpa, size, flags, kind, rip, key, keep);
        return;
    }
    if (keep)
        g.cpu->filter[slot] = key;
    if (!keep || g.filtered) {
        emit_access(kind, va, place_of(gpa, flags, size), rip);
        return;
    }
    g.cpu->places[slot] = (uint64_t)flags << WIRE_WORD_FLAGS_SHIFT | slot << WIRE_WORD_PLACE_SHIFT | kind << WIRE_WORD_KIND_SHIFT;
    emit_place(slot, va, gpa);
    emit_word(word_of(slot, va, size), rip);
}

bool filter_hit(uint64_t va, unsigned size, unsigned class, unsigned kind, uint64_t rip)
{
    uint64_t key;
    size_t slot;

    if (g.ordinal == g.stop)
        return false;
    key = filter_key(va, class, kind);
    if (unlikely(has_slots_of_its_own(g.cpu)))
        return record_nested_hit(va, size, kind, rip, key);
    slot = filter_slot(key);
    if (g.cpu->filter[slot] != key)
        return false;
    g.ordinal++;
    if (!g.filtered)
        emit_word(word_of(slot, va, size), rip);
    return true;
}
