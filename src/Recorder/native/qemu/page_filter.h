/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page filter: an access whose page, kind and privilege stand in a direct-mapped table is a repetition. It runs in
 * full recordings as well (there a hit is recorded, as a word that names the slot), so that both kinds of recording
 * meet new page tables at the same ordinals.
 *
 *   key  63..49 generation | 48..4 page number | 3..2 class of accessor | 1..0 kind
 *
 * A slot never stands for a device, nor for stores to a page table or to the IDT. flush_filter() empties it.
 */
#ifndef PAGE_FILTER_H
#define PAGE_FILTER_H

#include "recorder.h"

#define PAGE_NUMBER_MASK ((1ull << 45) - 1)
#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t filter_key(uint64_t va, unsigned class, unsigned kind)
{
    return g.generation | (va >> 12 & PAGE_NUMBER_MASK) << 4 | class << 2 | kind;
}

INLINE size_t filter_slot(uint64_t key)
{
    uint64_t page = key >> 4;

    return (page ^ page >> 9 ^ (key & 15) << 7) & g.slot_mask;
}

static inline uint64_t place_of(uint64_t gpa, unsigned flags, unsigned size)
{
    return (uint64_t)size << WIRE_PLACE_SIZE_SHIFT | (uint64_t)flags << WIRE_PLACE_FLAGS_SHIFT | gpa;
}

#endif
