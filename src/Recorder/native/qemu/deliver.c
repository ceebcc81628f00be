/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries of exceptions and interrupts. QEMU tells plugins nothing of them, but a block that starts where a gate of
 * the IDT points is entered by one, and the frame on the stack says what was interrupted. The frame is checked against
 * the stack the CPU must have switched to, since code may also jump to a handler.
 */
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define GATE_PRESENT (1u << 15)
#define MAX_LIMIT 0xffffu
enum { GATE_TASK = 5, GATE_INTERRUPT_16 = 6, GATE_TRAP_16 = 7, GATE_INTERRUPT = 14, GATE_TRAP = 15 };
#define TARGET_SLOTS 2048u
#define PAGE_BITS 65536u
#define ERROR_CODE_PRESENT 1u

static uint64_t targets[TARGET_SLOTS]; /* addresses some gate points at, open addressing, 0: free */
static unsigned target_count;
static uint8_t pages[PAGE_BITS / 8]; /* hashed page numbers of the targets */

static uint64_t mix(uint64_t v)
{
    v *= 0x9e3779b97f4a7c15ull;
    return v ^ v >> 32;
}

bool deliver_is_handler(uint64_t va)
{
    for (unsigned i = (unsigned)mix(va) % TARGET_SLOTS; targets[i]; i = (i + 1) % TARGET_SLOTS)
        if (targets[i] == va)
            return true;
    return false;
}

/* Blocks in a page that some gate points into are all looked at; false alarms cost only time. */
bool deliver_page_has_handlers(uint64_t va)
{
    unsigned bit = (unsigned)mix(va >> 12) % PAGE_BITS;

    return pages[bit / 8] >> (bit & 7) & 1;
}

static void add_target(uint64_t va)
{
    unsigned i = (unsigned)mix(va) % TARGET_SLOTS, bit = (unsigned)mix(va >> 12) % PAGE_BITS;

    if (deliver_is_handler(va))
        return;
    pages[bit / 8] |= (uint8_t)(1u << (bit & 7));
    if (target_count >= TARGET_SLOTS / 2) { /* old gates have piled up: keep the newest */
        memset(targets, 0, sizeof(targets));
        target_count = 0;
        gates_stale();
        i = (unsigned)mix(va) % TARGET_SLOTS;
    }
    while (targets[i])
        i = (i + 1) % TARGET_SLOTS;
    targets[i] = va;
    target_count++;
}

static void read_gate(struct vcpu *c, unsigned vector, const uint32_t *words, bool wide)
{
    struct gate *gate = &c->gates[vector];
    unsigned type = words[1] >> 8 & 0x1f;

    *gate = (struct gate){ 0 };
    if (!(words[1] & GATE_PRESENT))
        return;
    gate->selector = (uint16_t)(words[0] >> 16);
    if (!wide && type == GATE_TASK) {
        gate->task = c->task_gates = true;
        return;
    }
    gate->target = words[0] & 0xffff;
    if (type == GATE_INTERRUPT || type == GATE_TRAP) {
        gate->target |= (words[1] & 0xffff0000u) | (wide ? (uint64_t)words[2] << 32 : 0);
        gate->ist = wide ? words[1] & 7 : 0;
        gate->word = wide ? 8 : 4;
    } else if (!wide && (type == GATE_INTERRUPT_16 || type == GATE_TRAP_16)) {
        gate->word = 2;
    } else {
        gate->target = 0;
    }
    if (gate->target)
        add_target(gate->target);
}

/* Reads the gates again if the IDT has moved or been written to. */
void deliver_refresh(struct vcpu *c)
{
    static uint32_t words[1024];
    bool wide = (c->efer & EFER_LMA) != 0;
    unsigned bytes = wide ? 16 : 8, count = ((c->idt.limit & MAX_LIMIT) + 1) / bytes;

    memset(c->gates, 0, sizeof(c->gates));
    c->task_gates = false;
    if (count > 256)
        count = 256;
    if (!(c->cr0 & CR0_PE) || !count) {
        c->gates_stale = false;
        return;
    }
    if (!walk_read(c->idt.base, words, count * bytes))
        return;
    c->gates_stale = false;
    for (unsigned v = 0; v < count; v++)
        read_gate(c, v, words + v * bytes / 4, wide);
    for (unsigned i = 0; i < g.vcpu_count; i++)
        g.vcpus[i].trigger = NO_FETCH_PAGE; /* its page may have handlers now */
}

/* The pages of the IDT are watched: a store to one makes the gates stale. */
void deliver_idt_moved(struct vcpu *c)
{
    uint64_t gpa;

    gates_stale();
    /* The guest chooses the base, and with it whether the end lies below it: so the pages are counted. */
    for (uint64_t n = 0; n <= (PAGE_OFFSET(c->idt.base) + (c->idt.limit & MAX_LIMIT)) / PAGE_BYTES; n++) {
        uint8_t *flags = walk(PAGE_BASE(c->idt.base) + n * PAGE_BYTES, &gpa) ? memory_flags(gpa) : NULL;

        if (flags && !(*flags & PAGE_HOLDS_IDT)) {
            *flags |= PAGE_HOLDS_IDT;
            flush_filter(); /* a slot may stand for stores to it */
        }
    }
}

bool deliver_pushes_error_code(unsigned vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* Where the TSS holds the stack of a level: offset and size of its pointer, selector included below long mode. */
static unsigned stack_slot(const struct gate *gate, unsigned level, unsigned *size)
{
    if (gate->word == 8) {
        *size = 8;
        return 4 + 8 * (gate->ist ? gate->ist + 3u : level);
    }
    *size = g.cpu->wide_task ? 6 : 4;
    return g.cpu->wide_task ? 4 + 8 * level : 2 + 4 * level;
}

static uint64_t tss_stack(const struct gate *gate, unsigned level)
{
    uint64_t v = 0;
    unsigned size, at = stack_slot(gate, level, &size);

    (void)walk_read(g.cpu->tss.base + at, &v, size == 6 ? 4 : size == 4 ? 2 : 8);
    return v;
}

/* Long mode: five quadwords below a 16-byte boundary. */
static bool frame_64(const struct gate *gate, struct delivery *d)
{
    uint64_t at = d->stack + (d->has_error_code ? 8 : 0), top;
    unsigned level = (unsigned)cpu_register(X86_CS) & 3;

    d->size = 40 + (d->has_error_code ? 8 : 0);
    if (!walk_read(at, &d->frame, 40) || (d->frame.cs & 3) < level || !(d->frame.flags & 2) || d->frame.cs > 0xffff)
        return false;
    d->other_stack = gate->ist || (d->frame.cs & 3) > level;
    top = d->other_stack ? tss_stack(gate, level) : d->frame.rsp;
    return (top & ~0xfull) == d->stack + d->size;
}

/* Three words of the gate's size, or five where the stack is another; of the upper half of EFLAGS a small one has none. */
static bool frame_32_or_16(const struct gate *gate, struct delivery *d)
{
    uint32_t words[3] = { 0 }, stack_mask = gate->word == 4 ? ~0u : 0xffff;
    uint64_t at = d->stack + (d->has_error_code ? gate->word : 0);
    unsigned level = (unsigned)cpu_register(X86_CS) & 3;

    for (unsigned i = 0; i < 3; i++)
        if (!walk_read(at + i * gate->word, &words[i], gate->word))
            return false;
    d->frame = (struct frame){ .rip = words[0], .cs = words[1], .flags = words[2] };
    /* Bit 1 of EFLAGS is set, 3, 5 and 15 are clear; the selector's upper half is what the push left, mostly zero. */
    if ((words[1] & 0xfffc) == 0 || words[1] > 0xffff || (words[2] & 0x802a) != 2)
        return false;
    d->other_stack = (words[1] & 3) > level || (gate->word == 4 && words[2] & EFLAGS_VM);
    d->size = (d->other_stack ? 5 : 3) * gate->word + (d->has_error_code ? gate->word : 0);
    if (gate->word == 4 && words[2] & EFLAGS_VM)
        d->size += 16; /* the data segments of virtual-8086 mode */
    return !d->other_stack || ((uint32_t)tss_stack(gate, level) & stack_mask) == ((uint32_t)(cpu_register(4) + d->size) & stack_mask);
}

static bool try_vector(unsigned vector, bool error_code, struct delivery *d)
{
    const struct gate *gate = &g.cpu->gates[vector];

    *d = (struct delivery){ .vector = vector, .has_error_code = error_code };
    d->stack = cpu_register(4);
    if (gate->word != 8)
        d->stack = (uint32_t)(d->stack + cpu_stack_base());
    if (error_code && !walk_read(d->stack, &d->error_code, gate->word == 2 ? 2 : 4))
        return false;
    return gate->word == 8 ? frame_64(gate, d) : frame_32_or_16(gate, d);
}

/* Was a block that starts where some gate points entered by a delivery, and by which? */
bool deliver_find(uint64_t va, struct delivery *found)
{
    struct delivery d;
    unsigned matches = 0;

    for (unsigned v = 0; v < 256; v++) {
        if (g.cpu->gates[v].target != va)
            continue;
        if ((deliver_pushes_error_code(v) && try_vector(v, true, &d)) || try_vector(v, false, &d))
            if (matches++ == 0)
                *found = d;
    }
    g.counters.ambiguous += matches > 1;
    return matches > 0;
}

/* The CPU touches memory by itself. */
void deliver_touch(uint32_t access, uint64_t va, unsigned size)
{
    uint64_t ignored;

    while (size) {
        unsigned room = (unsigned)(PAGE_BYTES - PAGE_OFFSET(va)), part = size < room ? size : room;
        struct wire_event e = { .access = access, .size = part };

        walk(va, &ignored);
        emit_event(WIRE_IMPLICIT, va, (uint64_t)WIRE_IS_IMPLICIT << WIRE_PLACE_FLAGS_SHIFT, 0, e);
        va += part, size -= part;
    }
}

/* What the CPU touched to get here, in the order of the delivery. */
static void implicit_accesses(const struct delivery *d)
{
    const struct vcpu *c = g.cpu;
    const struct gate *gate = &c->gates[d->vector];
    unsigned level = (unsigned)cpu_register(X86_CS) & 3, gate_bytes = gate->word == 8 ? 16 : 8, size, at;

    deliver_touch(WIRE_READ, c->idt.base + d->vector * gate_bytes, gate_bytes);
    if (!(gate->selector & 4))
        deliver_touch(WIRE_READ, c->gdt.base + (gate->selector & ~7u), 8);
    else if (c->live)
        deliver_touch(WIRE_READ, c->live->ldt.base + (gate->selector & ~7u), 8);
    if (d->other_stack) {
        at = stack_slot(gate, level, &size);
        deliver_touch(WIRE_READ, c->tss.base + at, size);
        if (gate->word != 8)
            deliver_touch(WIRE_READ, c->gdt.base + (cpu_register(X86_SS) & 0xfff8), 8);
    }
    deliver_touch(WIRE_WRITE, d->stack, d->size);
}

void deliver_tell(const struct delivery *d)
{
    struct wire_event e = { .value = d->vector, .error_code = d->error_code };
    uint64_t cr2, ignored;

    e.present = d->has_error_code ? WIRE_HAS_ERROR_CODE : 0;
    if (d->vector == 14 && d->has_error_code) {
        cr2 = cpu_register(X86_CR2);
        walk(cr2, &ignored); /* the CPU walked for it, too */
        emit_event(WIRE_GUEST_PAGE_FAULT, cr2, 0, d->frame.rip,
                   (struct wire_event){ .error_code = d->error_code, .present = WIRE_HAS_ERROR_CODE });
        if (d->error_code & ERROR_CODE_PRESENT)
            flush_filter(); /* a hypervisor may forget what it had of this page */
    }
    emit_event(WIRE_DELIVERY, 0, 0, d->frame.rip, e);
    implicit_accesses(d);
    g.cpu->fetch_page = NO_FETCH_PAGE;
}
