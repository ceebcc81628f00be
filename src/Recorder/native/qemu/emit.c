/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records, their ordinals, and the points of the stream at which the filter forgets. */
#include <string.h>

#include "recorder.h"

static void set_stop(void)
{
    uint64_t limit = g.control->max_accesses, seen = g.ordinal - g.non_accesses;

    g.stop = g.next_epoch;
    /* Events take ordinals too, so the limit is met at this ordinal or, after a new look, later. */
    if (limit && limit - seen < g.stop - g.ordinal)
        g.stop = g.ordinal + (limit - seen);
}

static void reach_stop(void)
{
    if (!g.recording) {
        g.stop = ~0ull;
        return;
    }
    if (g.control->stop_request)
        end_recording(WIRE_END_REQUESTED);
    else if (g.control->max_accesses && g.ordinal - g.non_accesses >= g.control->max_accesses)
        end_recording(WIRE_END_MAX_ACCESSES);
    if (g.ordinal == g.next_epoch) {
        g.next_epoch += g.control->epoch_length;
        flush_filter();
    }
    if (g.recording)
        set_stop();
}

uint64_t next_ordinal(void)
{
    if (unlikely(g.ordinal == g.stop))
        reach_stop();
    return g.ordinal++;
}

/* For events: false where nothing is recorded, or this ordinal is behind the end. */
static bool take_ordinal(void)
{
    if (!g.recording)
        return false;
    (void)next_ordinal();
    return g.recording;
}

static inline void put(uint64_t word)
{
    if (unlikely(g.write == g.write_end))
        ring_more();
    *g.write++ = word;
}

static void put_words(const void *from, size_t bytes)
{
    uint64_t word;

    for (size_t at = 0; at < bytes; at += sizeof(word)) {
        memcpy(&word, (const uint8_t *)from + at, sizeof(word));
        put(word);
    }
}

static uint64_t head_of(uint32_t type, uint64_t number)
{
    return (uint64_t)type << WIRE_HEAD_TYPE_SHIFT | g.vcpu_bits | number;
}

static void put_head(uint32_t type, uint64_t va, uint64_t place, uint64_t rip)
{
    put_words(&(struct wire_head){ head_of(type, g.ordinal - 1), va, place, rip }, sizeof(struct wire_head));
}

void emit_access(unsigned kind, uint64_t va, uint64_t place, uint64_t rip)
{
    put_head(WIRE_ACCESS + kind, va, place, rip);
}

/* An access to a known place, without its code page. An instruction that crossed into the running page is told apart. */
void emit_word(uint64_t word, uint64_t rip)
{
    if (PAGE_BASE(rip) == g.cpu->code_page) {
        word |= g.cpu->code_bits | PAGE_OFFSET(rip) << WIRE_WORD_RIP_SHIFT;
    } else {
        put(head_of(WIRE_RIP, 0));
        put(rip);
    }
    put(word);
}

void emit_place(size_t number, uint64_t va, uint64_t gpa)
{
    put(head_of(WIRE_PLACE, number));
    put(PAGE_BASE(va));
    put(PAGE_BASE(gpa));
}

static void number_code_page(uint64_t page)
{
    uint64_t number = (page >> 12 ^ page >> 24) & (WIRE_CODE_PAGES - 1);

    if (g.code_pages[number] != page + 1) {
        g.code_pages[number] = page + 1;
        put(head_of(WIRE_CODE_PAGE, number));
        put(page);
    }
    g.cpu->code_bits = number << WIRE_WORD_CODE_SHIFT;
}

void enter_code_page(uint64_t page)
{
    g.cpu->code_page = page;
    if (!g.filtered)
        number_code_page(page);
}

/* Another vCPU runs now; one that ran meanwhile may have taken the number of its code page. */
void emit_vcpu(void)
{
    if (g.filtered)
        return;
    put(head_of(WIRE_VCPU, 0));
    number_code_page(g.cpu->code_page);
}

static bool is_access(uint32_t type)
{
    return type == WIRE_PAGE_TABLE_STORE || type == WIRE_MMIO || type == WIRE_IMPLICIT;
}

void emit_event(uint32_t type, uint64_t va, uint64_t place, uint64_t rip, struct wire_event extra)
{
    if (!take_ordinal())
        return;
    g.non_accesses += !is_access(type);
    put_head(type, va, place, rip);
    put_words(&extra, sizeof(extra));
}

static bool all_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

void emit_page_image(uint64_t gpa, const uint8_t *page)
{
    bool zero = all_zero(page);

    if (!take_ordinal())
        return;
    g.non_accesses++;
    put_head(zero ? WIRE_PAGE_IMAGE_ZERO : WIRE_PAGE_IMAGE, 0, gpa, 0);
    if (!zero)
        put_words(page, PAGE_BYTES);
}

void emit_vcpu_state(uint64_t rip, const struct wire_vcpu_state *s)
{
    if (!take_ordinal())
        return;
    g.non_accesses++;
    put_head(WIRE_VCPU_STATE, 0, 0, rip);
    put_words(s, sizeof(*s));
}

/* Like emit_access(), behind the ordinal that it takes. */
void emit_nested_access(unsigned kind, uint64_t va, uint64_t place, uint64_t rip, struct wire_event extra)
{
    extra.access = kind;
    put_head(WIRE_NESTED_ACCESS, va, place, rip);
    put_words(&extra, sizeof(extra));
}

void emit_nested_enter(uint64_t vmcb, uint64_t rip, const struct wire_nested_enter *e)
{
    if (!take_ordinal())
        return;
    g.non_accesses++;
    put_head(WIRE_NESTED_ENTER, 0, vmcb, rip);
    put_words(e, sizeof(*e));
}

void emit_nested_exit(uint64_t rip, const struct wire_nested_exit *e)
{
    if (!take_ordinal())
        return;
    g.non_accesses++;
    put_head(WIRE_NESTED_EXIT, 0, 0, rip);
    put_words(e, sizeof(*e));
}

void start_stream(void)
{
    g.recording = true;
    g.counters = (struct wire_counters){ 0 }; /* what the firmware did is not part of it */
    g.ordinal = g.non_accesses = 0;
    g.next_epoch = g.control->epoch_length;
    set_stop();
    flush_filter();
}

void end_recording(uint32_t reason)
{
    if (!g.recording)
        return;
    ring_finish(reason);
    g.recording = false;
    g.stop = ~0ull;
    flush_filter(); /* every access misses from here, and the slow path drops it */
}
