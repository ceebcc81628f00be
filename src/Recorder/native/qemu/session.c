/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording's start, each vCPU's entry into it, and the state changes that take effect when an instruction retires. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

#include "recorder.h"

#define CR3_NO_FLUSH (1ull << 63)

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

/* A reset clears what an INIT leaves: the vector registers tell. */
static bool was_reset(void)
{
    if (cpu_register(X86_MXCSR) != 0x1f80)
        return false;
    for (int r = X86_XMM0; r < X86_XMM0 + 16; r++)
        if (cpu_register(r))
            return false;
    return true;
}

static void tell_moved(struct vcpu *c, uint64_t rip, bool left_protection)
{
    g.counters.real_mode += left_protection;
    if (c->introduced) { /* otherwise its first appearance tells */
        tell_state(rip);
        tell_table(WIRE_LGDT, c->gdt);
        tell_table(WIRE_LIDT, c->idt);
        tell_table(WIRE_LTR, c->tss);
    }
    deliver_idt_moved(c);
    flush_filter();
}

/* Registers changed by themselves: reset, INIT, system management mode. */
void session_moved(uint64_t rip)
{
    struct vcpu *c = g.cpu;
    bool protected = c->cr0 & CR0_PE;

    c->pending.type = PENDING_NONE;
    cpu_read_controls(c);
    cpu_read_tables(c);
    if (rip == RESET_VECTOR && was_reset()) {
        c->pkru = 0;
        c->xcr0 = 1;
    }
    tell_moved(c, rip, protected && !(c->cr0 & CR0_PE));
}

/* Did more change than the instruction that was pending changes? */
static bool moved_beside(const struct vcpu *before, const struct vcpu *c, uint32_t type)
{
    uint64_t efer = before->efer ^ c->efer;

    if (type == WIRE_CR0)
        efer &= ~EFER_LMA;
    return (type != WIRE_CR0 && before->cr0 != c->cr0) || (type != WIRE_CR3 && before->cr3 != c->cr3) ||
           (type != WIRE_CR4 && before->cr4 != c->cr4) || (type != WIRE_EFER && efer);
}

/* What the register became, which need not be what was asked. CR3 alone takes a bit that it does not keep. */
static uint64_t became(const struct vcpu *c, const struct pending *p)
{
    switch (p->type) {
    case WIRE_CR0: return c->cr0;
    case WIRE_CR3: return c->cr3 | (p->value & CR3_NO_FLUSH);
    case WIRE_CR4: return c->cr4;
    case WIRE_EFER: return c->efer;
    default: return p->value;
    }
}

/* The next task runs already, and its registers are in the CPU. */
static void take_operand(struct vcpu *c, const struct pending *p)
{
    if (p->type == WIRE_CR3)
        c->cr3 = p->value & ~CR3_NO_FLUSH;
    else if (p->type == WIRE_CR4)
        c->cr4 = p->value;
    else if (p->type == WIRE_CR0 && p->value != LMSW_RESULT)
        c->cr0 = p->value;
}

static void settle_pkru(struct vcpu *c, const struct pending *p)
{
    if (c->pkru == (uint32_t)p->value)
        return;
    c->pkru = (uint32_t)p->value;
    emit_event(WIRE_PKRU, 0, 0, p->rip, (struct wire_event){ .value = c->pkru });
    flush_filter();
}

static void settle(struct vcpu *c, const struct controls *now)
{
    const struct vcpu before = { .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer };
    struct pending p = c->pending;
    uint64_t ignored;

    if (!p.type)
        return;
    c->pending.type = PENDING_NONE;
    if (p.type == PENDING_XCR0)
        c->xcr0 = p.value;
    if (p.type == PENDING_PKRU)
        settle_pkru(c, &p);
    if (p.type == PENDING_XCR0 || p.type == PENDING_PKRU)
        return;
    if (now)
        cpu_take_controls(c, *now);
    else if (cpu_switched_task(c))
        take_operand(c, &p);
    else
        cpu_read_controls(c);
    if (p.type == WIRE_CR3 || p.type == WIRE_CR0 || p.type == WIRE_CR4)
        walk(p.rip, &ignored); /* the root comes before the write that makes it one */
    if (p.type == WIRE_VCPU_STATE || moved_beside(&before, c, p.type)) {
        cpu_read_tables(c);
        tell_moved(c, p.rip, before.cr0 & CR0_PE && !(c->cr0 & CR0_PE));
        return;
    }
    g.counters.real_mode += before.cr0 & CR0_PE && !(c->cr0 & CR0_PE);
    emit_event(p.type, p.gva, 0, p.rip, (struct wire_event){ .value = became(c, &p), .error_code = p.error_code });
    flush_filter();
    if ((before.cr0 ^ c->cr0) & (CR0_PE | CR0_PG))
        deliver_idt_moved(c);
}

/* The CPU has left system management mode, by RSM or by a reset: nothing of what it did there is in the stream. */
static void leave_management_mode(uint64_t rip)
{
    g.cpu->management = false;
    session_moved(rip);
}

/*
 * Is this block one of system management mode? What the last instruction before it left in the control registers is told
 * with all the rest when the CPU comes back.
 */
bool session_in_management_mode(uint64_t rip)
{
    struct vcpu *c = g.cpu;
    uint32_t pending = c->pending.type;

    if (likely(cpu_in_management_mode(c) == c->management)) {
        if (unlikely(c->management))
            c->trigger = NO_FETCH_PAGE;
        return c->management;
    }
    if (c->management) {
        leave_management_mode(rip);
        return false;
    }
    if (pending == WIRE_INVLPG || pending == WIRE_INVPCID || pending == PENDING_PKRU || pending == PENDING_XCR0)
        settle(c, &(struct controls){ c->cr0, c->cr3, c->cr4, c->efer });
    c->pending.type = PENDING_NONE;
    c->management = true;
    flush_filter(); /* its addresses lead elsewhere */
    return true;
}

/* Emits what the last block's final instruction changed; it retired, or the caller would have dropped it. */
void session_settle(void)
{
    settle(g.cpu, NULL);
}

void session_settle_with(struct controls now)
{
    settle(g.cpu, &now);
}

/*
 * A machine that is told to stop or to start over does so when QEMU's main loop comes to it, and its vCPUs go on until
 * then, for as long as that takes. No recording would repeat another: so it ends at the block after the one that told it,
 * and a vCPU waits there for the reset. Where QEMU does not show its requests, this is as it is.
 */
#define LOOK_NS 1000000
#define MOST_LOOKS 5000
#define PAUSE_NS 20000000

typedef int request_get(void);

static bool is_requested(request_get **get, const char *name)
{
    static request_get *const missing = (request_get *)1;

    if (!*get) {
        *get = (request_get *)dlsym(RTLD_DEFAULT, name);
        if (!*get)
            *get = missing;
    }
    return *get != missing && (*get)();
}

void session_look_for_end(void)
{
    const struct timespec look = { .tv_nsec = LOOK_NS }, pause = { .tv_nsec = PAUSE_NS };
    static request_get *shutdown_requested, *reset_requested;
    int looks = 0;

    g.look_for_end = false;
    if (!g.recording)
        return;
    if (is_requested(&shutdown_requested, "qemu_shutdown_requested_get")) {
        end_recording(WIRE_END_GUEST_EXIT);
        return;
    }
    while (is_requested(&reset_requested, "qemu_reset_requested_get") && looks++ < MOST_LOOKS && !g.reader_gone)
        nanosleep(&look, NULL);
    if (looks) /* the main loop has seen it, and is about to stop the vCPUs */
        nanosleep(&pause, NULL);
}
