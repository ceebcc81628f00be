/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Task switches of the hardware: far transfers and task gates that lead to another TSS, and CR3 with it. Where an
 * instruction switches, its accesses are seen as those of any other; where a gate does, QEMU tells of none, and they are
 * told here as the CPU makes them.
 */
#include "recorder.h"

#define SEGMENTS 6

/* Places in a TSS of 32 or 16 bits. */
struct layout { unsigned size, eip, saved, segments, selector_step, segment_count, esp; };

static const struct layout layouts[2] = { { 44, 0x0e, 28, 0x22, 2, 4, 0x1a }, { 104, 0x20, 64, 0x48, 4, 6, 0x38 } };

/* A word as the old task sees it. */
static uint32_t read_old(uint64_t va, unsigned size)
{
    uint32_t v = 0;
    uint64_t gpa, offset;
    uint8_t byte;

    for (unsigned i = 0; i < size; i++)
        if (walk(va + i, &gpa) && memory_offset(gpa, &offset) && memory_copy(offset, &byte, 1))
            v |= (uint32_t)byte << 8 * i;
    return v;
}

uint64_t task_interrupted(void)
{
    const struct vcpu *c = g.cpu;

    return read_old(c->tss.base + layouts[c->wide_task].eip, c->wide_task ? 4 : 2);
}

/* The vector whose gate led to the task that runs now. */
static int find_vector(const struct vcpu *c)
{
    int found = -1;

    for (int v = 0; v < 256; v++) {
        if (!c->gates[v].task || (c->gates[v].selector ^ c->live->tr.selector) & 0xfffc)
            continue;
        g.counters.ambiguous += found >= 0;
        if (found < 0)
            found = v;
    }
    return found;
}

static uint64_t descriptor(const struct vcpu *c, uint32_t selector)
{
    return (selector & 4 ? c->live->ldt.base : c->gdt.base) + (selector & 0xfff8);
}

static void tell_vector(const struct vcpu *c, unsigned vector, uint64_t rip)
{
    struct wire_event e = { .value = vector };
    uint64_t cr2 = cpu_register(X86_CR2), ignored;

    if (deliver_pushes_error_code(vector)) {
        e.present = WIRE_HAS_ERROR_CODE;
        (void)walk_read((uint32_t)(cpu_register(4) + cpu_stack_base()), &e.error_code, is_wide_tss(c->live->tr.flags) ? 4 : 2);
    }
    if (vector == 14) {
        walk(cr2, &ignored);
        emit_event(WIRE_GUEST_PAGE_FAULT, cr2, 0, rip, (struct wire_event){ .error_code = e.error_code, .present = e.present });
        flush_filter();
    }
    emit_event(WIRE_DELIVERY, 0, 0, rip, e);
    deliver_touch(WIRE_READ, c->idt.base + vector * 8, 8);
}

/* Up to the load of CR3: what the CPU touches in the old address space. */
static void touch_tasks(const struct vcpu *c)
{
    const struct layout *from = &layouts[c->wide_task], *to = &layouts[is_wide_tss(c->live->tr.flags)];

    deliver_touch(WIRE_READ, descriptor(c, c->live->tr.selector), 8);
    deliver_touch(WIRE_WRITE, c->tss.base + from->eip, from->saved);
    deliver_touch(WIRE_READ, c->live->tr.base, to->size);
    deliver_touch(WIRE_WRITE, c->live->tr.base, 2);
    deliver_touch(WIRE_WRITE, descriptor(c, c->live->tr.selector) + 4, 4);
}

static void touch_segments(const struct vcpu *c)
{
    static const int order[SEGMENTS] = { 1, 2, 0, 3, 4, 5 };

    if (c->live->ldt.selector & 0xfffc)
        deliver_touch(WIRE_READ, c->gdt.base + (c->live->ldt.selector & 0xfff8), 8);
    for (int i = 0; i < SEGMENTS; i++)
        if (c->live->segments[order[i]].selector & 0xfffc)
            deliver_touch(WIRE_READ, descriptor(c, c->live->segments[order[i]].selector), 8);
}

/* Registers of the new task, which the CPU has by now. */
static void enter(struct vcpu *c, bool cr3_told)
{
    uint64_t cr3 = c->live->cr[3], ignored;

    if (is_wide_tss(c->live->tr.flags) && c->cr0 & CR0_PG && !(cr3_told && c->cr3 == cr3)) {
        c->cr3 = cr3;
        walk(c->live->tr.base, &ignored); /* the root comes before the write that makes it one */
        emit_event(WIRE_CR3, 0, 0, 0, (struct wire_event){ .value = cr3 });
    }
    cpu_read_controls(c); /* CR0.TS is set, which nothing here depends on */
    cpu_read_task(c);
    emit_event(WIRE_LTR, 0, 0, 0, (struct wire_event){ .value = c->tss.base, .size = c->tss.limit });
    emit_event(WIRE_LLDT, 0, 0, 0, (struct wire_event){ .value = c->live->ldt.base, .size = c->live->ldt.limit });
    flush_filter();
}

/* At the first block of another task. */
void task_switch(void)
{
    struct vcpu *c = g.cpu;
    int vector = c->far_transfer ? -1 : find_vector(c);
    bool pushed = vector >= 0 && deliver_pushes_error_code((unsigned)vector);

    if (vector >= 0) {
        tell_vector(c, (unsigned)vector, task_interrupted());
        touch_tasks(c);
    }
    g.counters.tasks_untold += vector < 0 && !c->far_transfer;
    enter(c, c->far_transfer);
    if (vector >= 0)
        touch_segments(c);
    if (pushed)
        deliver_touch(WIRE_WRITE, (uint32_t)(cpu_register(4) + cpu_stack_base()), c->wide_task ? 4 : 2);
    c->fetch_page = NO_FETCH_PAGE;
}

/* After LTR: the selector it loaded; where it faulted, the TSS is still the old one. */
void task_loaded(struct vcpu *c)
{
    uint64_t base = c->tss.base;

    c->task_loaded = false;
    if (!c->live)
        return;
    cpu_read_task(c);
    if (c->tss.base != base)
        emit_event(WIRE_LTR, 0, 0, 0, (struct wire_event){ .value = c->tss.base, .size = c->tss.limit });
}
