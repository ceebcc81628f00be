/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording's start, each vCPU's entry into it, and the state changes that take effect when an instruction retires. */
#include "recorder.h"

static void tell_state(uint64_t rip)
{
    const struct vcpu *c = g.cpu;
    struct wire_vcpu_state s = {
        .cr0 = c->cr0, .cr2 = cpu_register(X86_CR2), .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer,
        .rflags = cpu_register(X86_EFLAGS),
        .cpl = (c->cr0 & CR0_PE) ? (uint32_t)cpu_register(X86_CS) & 3 : 0,
        .has_pkru = (c->cr4 & CR4_PKE) != 0,
        .pkru = c->pkru,
    };

    emit_vcpu_state(rip, &s);
}

static void tell_table(uint32_t type, struct descriptor_table t)
{
    if (t.base || t.limit)
        emit_event(type, 0, 0, 0, (struct wire_event){ .value = t.base, .size = t.limit });
}

/* A vCPU's first appearance in the stream. */
void session_introduce(uint64_t rip)
{
    const struct vcpu *c = g.cpu;

    g.cpu->introduced = true;
    tell_state(rip);
    tell_table(WIRE_LGDT, c->gdt);
    tell_table(WIRE_LIDT, c->idt);
    tell_table(WIRE_LTR, c->tss);
}

void session_start(uint64_t rip)
{
    start_stream();
    memory_start_slots();
    session_introduce(rip);
    g.control->state = WIRE_RECORDING;
}

/* The vCPU comes out of reset or INIT, or out of system management mode. */
void session_reset(struct vcpu *c)
{
    uint64_t cr0 = c->cr0;

    c->pending.type = 0;
    cpu_read_controls(c);
    if (cr0 & CR0_PE && !(c->cr0 & CR0_PE))
        g.counters.real_mode++;
    gates_stale();
    flush_filter();
}

/* Emits what the last block's final instruction changed; it retired, or the caller would have dropped it. */
void session_settle(void)
{
    struct vcpu *c = g.cpu;
    struct pending p = c->pending;
    uint64_t ignored, cr0 = c->cr0;
    struct wire_event e = { .value = p.value, .error_code = p.error_code };

    if (!p.type)
        return;
    c->pending.type = 0;
    cpu_read_controls(c);
    if (p.type == WIRE_CR3)
        c->cr3 = p.value & ~(1ull << 63);
    if (cr0 & CR0_PE && !(c->cr0 & CR0_PE))
        g.counters.real_mode++;
    if (p.type == WIRE_CR0 && p.value == ~0ull) /* LMSW: what it left */
        e.value = c->cr0;
    if (p.type == WIRE_CR3 || p.type == WIRE_CR0 || p.type == WIRE_CR4)
        walk(p.rip, &ignored); /* the root comes before the write that makes it one */
    emit_event(p.type, p.gva, 0, p.rip, e);
    flush_filter();
    if ((cr0 ^ c->cr0) & (CR0_PE | CR0_PG))
        deliver_idt_moved(c);
}
