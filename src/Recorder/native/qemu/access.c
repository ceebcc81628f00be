/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every load, store and fetch of the guest comes by here. The fast path is the page filter (page_filter.h): an access that
 * hits needs no look at anything else.
 */
#include <string.h>

#include "page_filter.h"

/* Behind this offset an access of up to 16 bytes can cross into the next page. */
#define LAST_SAFE_OFFSET 0xff0

INLINE unsigned accessor(meminfo info) { return info >> 1 & 3; }
INLINE unsigned size_shift(meminfo info) { return info >> 4 & 7; }

static unsigned flags_of(unsigned class, bool user_code)
{
    if (class == CLASS_USER)
        return WIRE_USER;
    return (class == CLASS_KERNEL && (g.cpu->cr4 & CR4_SMAP) ? WIRE_ALIGNMENT_CHECK : 0) | (user_code ? WIRE_IS_IMPLICIT : 0);
}

/*
 * A store to a page table empties the filter only if a slot was translated through that table: what else the store makes
 * a hypervisor forget, no slot stands for.
 */
static void table_store(uint64_t va, uint64_t gpa, unsigned size, unsigned flags, uint64_t rip, const uint8_t *value)
{
    bool keep = !walk_slots_depend_on_store(gpa);
    uint32_t instruction = flags & WIRE_IS_IMPLICIT ? WIRE_STORES_UNTOLD : store_of_instruction(rip);
    uint64_t table = gpa;

    g.counters.kept += keep;
    while (size) {
        unsigned part = size > 8 ? 8 : size;
        struct wire_event e = filter_nested_extra(va);

        memcpy(&e.value, value, part);
        e.access = WIRE_WRITE;
        e.kept_filter = keep;
        e.instruction = instruction;
        emit_event(WIRE_PAGE_TABLE_STORE, va, place_of(gpa, flags, part), rip, e);
        walk_note_store(gpa);
        va += part, gpa += part, value += part, size -= part;
    }
    if (!keep)
        flush_filter();
    walk_release_unused(table);
}

static bool where(meminfo info, uint64_t va, uint64_t *gpa, bool *io)
{
    const struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, va);

    if (hw) {
        *gpa = qemu_plugin_hwaddr_phys_addr(hw);
        *io = qemu_plugin_hwaddr_is_io(hw);
        return true;
    }
    *io = false;
    g.counters.unresolved++;
    return walk(va, gpa);
}

/* A far transfer has entered the next task's address space. */
static void follow_task(uint64_t rip)
{
    uint64_t cr3 = cpu_register(X86_CR3), ignored;

    if (cr3 == g.cpu->cr3)
        return;
    g.cpu->cr3 = cr3;
    walk(rip, &ignored); /* the root comes before the write that makes it one */
    emit_event(WIRE_CR3, 0, 0, rip, (struct wire_event){ .value = cr3 });
    flush_filter();
}

/* One access within one page. */
static void access_part(meminfo info, uint64_t va, unsigned size, unsigned kind, bool user_code, uint64_t rip,
                        const uint8_t *value)
{
    unsigned class = accessor(info), flags;
    uint8_t *page;
    struct wire_event extra;
    uint64_t gpa, ignored;
    bool io;

    if (unlikely(g.cpu->far_transfer))
        follow_task(rip);
    if (filter_hit(va, size, class, kind, rip) || !where(info, va, &gpa, &io))
        return;
    if (unlikely(class == CLASS_USER && !user_code)) {
        ring_fail("this QEMU numbers its x86 MMU modes in a way this plugin does not know (index %u in kernel code)", info & 15);
        return;
    }
    flags = flags_of(class, user_code);
    walk(va, &ignored);
    memory_check(gpa, kind == WIRE_WRITE, &io);
    if (io) {
        if (kind == WIRE_WRITE) {
            g.map_stale = g.look_for_end = true;
            g.cpu->trigger = NO_FETCH_PAGE;
        }
        extra = filter_nested_extra(va);
        extra.access = kind;
        emit_event(WIRE_MMIO, va, place_of(gpa, flags | WIRE_IS_MMIO, size), rip, extra);
        return;
    }
    page = kind == WIRE_WRITE ? memory_flags(gpa) : NULL;
    if (page && *page & PAGE_HOLDS_IDT)
        gates_stale();
    if (page && *page & PAGE_IS_TABLE)
        table_store(va, gpa, size, flags, rip, value);
    else
        filter_miss(va, gpa, size, class, kind, flags, rip, (!page || !*page) && !g.cpu->far_transfer);
}

static __attribute__((noinline)) void access_slow(meminfo info, uint64_t va, uint64_t rip, unsigned kind, bool user_code)
{
    unsigned size = 1u << qemu_plugin_mem_size_shift(info), first = (unsigned)(PAGE_BYTES - PAGE_OFFSET(va));
    uint8_t value[16];
    struct mem_value v;
    uint64_t gpa;
    bool io;

    if (!g.recording || accessor(info) == CLASS_PHYSICAL) /* of VMRUN and its like: a VMCB is no memory of the guest's code */
        return;
    if (unlikely(g.cpu->management)) {
        g.counters.management++;
        if (kind == WIRE_WRITE && where(info, va, &gpa, &io) && !io)
            walk_note_untold_store(gpa);
        return;
    }
    if (unlikely(qemu_plugin_mem_size_shift(info) != size_shift(info))) {
        ring_fail("this QEMU packs its memory callbacks in a way this plugin does not know (info 0x%x)", info);
        return;
    }
    if (kind == WIRE_WRITE) {
        v = qemu_plugin_mem_get_value(info);
        memcpy(value, &v.u128, sizeof(value));
    }
    if (size <= first) {
        access_part(info, va, size, kind, user_code, rip, value);
    } else {
        access_part(info, va, first, kind, user_code, rip, value);
        access_part(info, va + first, size - first, kind, user_code, rip, value + first);
    }
}

static __attribute__((noinline)) void put_in_new_batch(uint64_t word)
{
    ring_more();
    *g.write++ = word;
}

/*
 * The fast path: what it calls, it calls last, so that there are no registers to save. The instruction is told by its
 * offset in the page that the code runs in, in place in the word. One vCPU is the common case: its state then stands at
 * a fixed address.
 */
INLINE void on_access(meminfo info, uint64_t va, void *rip_bits, unsigned kind, bool user_code, bool full, bool several)
{
    struct vcpu *c = &g.vcpus[0];
    uint64_t key, ordinal, word;
    size_t slot;

    if (several) {
        cpu_select();
        c = g.cpu;
    }
    key = filter_key(va, accessor(info), kind);
    slot = filter_slot(key);
    ordinal = g.ordinal;
    if (unlikely(c->filter[slot] != key || PAGE_OFFSET(va) > LAST_SAFE_OFFSET || ordinal == g.stop)) {
        access_slow(info, va, c->code_page | (uint64_t)rip_bits >> WIRE_WORD_RIP_SHIFT, kind, user_code);
        return;
    }
    g.ordinal = ordinal + 1;
    if (!full)
        return;
    word = c->places[slot] | PAGE_OFFSET(va) | c->code_bits | (uint64_t)rip_bits | 1ull << (WIRE_WORD_SIZE_SHIFT + size_shift(info));
    if (unlikely(g.write == g.write_end))
        put_in_new_batch(word);
    else
        *g.write++ = word;
}

#define CALLBACK(name, kind, user, full, several) \
    static void name(unsigned vcpu, meminfo info, uint64_t va, void *rip_bits) \
    { \
        (void)vcpu; \
        on_access(info, va, rip_bits, kind, user, full, several); \
    }
#define CALLBACKS(name, full, several) \
    CALLBACK(kernel_read##name, WIRE_READ, false, full, several) \
    CALLBACK(kernel_write##name, WIRE_WRITE, false, full, several) \
    CALLBACK(user_read##name, WIRE_READ, true, full, several) \
    CALLBACK(user_write##name, WIRE_WRITE, true, full, several)
#define NAMES(name) { { kernel_read##name, kernel_write##name }, { user_read##name, user_write##name } }

CALLBACKS(_filtered, false, false)
CALLBACKS(_full, true, false)
CALLBACKS(_filtered_smp, false, true)
CALLBACKS(_full_smp, true, true)

/* An instruction that began in the page before the one that the code runs in now. */
#define CALLBACK_CROSSING(name, kind, user) \
    static void name(unsigned vcpu, meminfo info, uint64_t va, void *rip_bits) \
    { \
        (void)vcpu; \
        if (g.several_vcpus) \
            cpu_select(); \
        access_slow(info, va, (g.cpu->code_page - PAGE_BYTES) | (uint64_t)rip_bits >> WIRE_WORD_RIP_SHIFT, kind, user); \
    }

CALLBACK_CROSSING(kernel_read_crossing, WIRE_READ, false)
CALLBACK_CROSSING(kernel_write_crossing, WIRE_WRITE, false)
CALLBACK_CROSSING(user_read_crossing, WIRE_READ, true)
CALLBACK_CROSSING(user_write_crossing, WIRE_WRITE, true)

mem_cb *access_callback(unsigned kind, bool user, bool crosses)
{
    static mem_cb *const crossing[2][2] = NAMES(_crossing);
    static mem_cb *const callbacks[2][2][2][2] = {
        { NAMES(_full), NAMES(_filtered) },
        { NAMES(_full_smp), NAMES(_filtered_smp) },
    };

    return crosses ? crossing[user][kind] : callbacks[g.several_vcpus][g.filtered][user][kind];
}

/* Execution enters a page, or goes on in one after something that empties the filter, or after a delivery. */
void fetch(uint64_t va, uint64_t gpa, unsigned size, bool user)
{
    unsigned class = user ? CLASS_USER : CLASS_KERNEL;
    uint64_t page = FETCH_PAGE(va, user), walked;
    bool io = false;

    if (!g.recording || g.cpu->management)
        return;
    if (g.cpu->fetch_page != page && !filter_hit(va, size, class, WIRE_FETCH, va)) {
        bool mapped = walk(va, &walked);

        g.counters.unresolved += !mapped && gpa == GPA_UNKNOWN;
        if (gpa == GPA_UNKNOWN || (mapped && memory_is_same(gpa, walked)))
            gpa = walked;
        memory_check(gpa, false, &io);
        filter_miss(va, gpa, size, class, WIRE_FETCH, user ? WIRE_USER : 0, va, true);
    }
    g.cpu->fetch_page = page;
}
