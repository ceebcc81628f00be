/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested guests of AMD's SVM: what VMRUN and #VMEXIT take from the VMCB and leave in it. QEMU calls no plugin at either,
 * so both are noticed at the first block behind them, by QEMU's own mark of guest mode.
 */
#include <string.h>

#include "recorder.h"

/* Places in a VMCB (APM volume 2, "Layout of VMCB"). */
enum {
    VMCB_INTERCEPT_CR = 0x000, VMCB_INTERCEPT_EXCEPTIONS = 0x008, VMCB_INTERCEPTS = 0x00c, VMCB_ASID = 0x058,
    VMCB_TLB_CONTROL = 0x05c, VMCB_EXIT_CODE = 0x070, VMCB_INFO1 = 0x078, VMCB_INFO2 = 0x080, VMCB_INTERRUPT_INFO = 0x088,
    VMCB_NESTED_CONTROL = 0x090, VMCB_EVENT_INJECTION = 0x0a8, VMCB_NESTED_CR3 = 0x0b0, VMCB_CS_BASE = 0x418,
    VMCB_CPL = 0x4cb, VMCB_EFER = 0x4d0, VMCB_CR4 = 0x548, VMCB_CR3 = 0x550, VMCB_CR0 = 0x558, VMCB_RFLAGS = 0x570,
    VMCB_RIP = 0x578, VMCB_CR2 = 0x640, VMCB_PAT = 0x668,
};

#define NESTED_PAGING 1ull
#define EXIT_NESTED_PAGE_FAULT 0x400
#define VMCB_BYTES 4096u

/* The VMCB of the last VMRUN, as it is in memory. */
static bool read_vmcb(uint64_t gpa, uint8_t *vmcb)
{
    uint64_t offset;

    return memory_offset(gpa, &offset) && memory_copy(offset, vmcb, VMCB_BYTES);
}

static uint64_t field(const uint8_t *vmcb, unsigned at, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, vmcb + at, bytes);
    return v;
}

static struct wire_nested_enter entry_of(const uint8_t *vmcb)
{
    return (struct wire_nested_enter){
        .nested_control = field(vmcb, VMCB_NESTED_CONTROL, 8), .nested_cr3 = field(vmcb, VMCB_NESTED_CR3, 8),
        .cr0 = field(vmcb, VMCB_CR0, 8), .cr2 = field(vmcb, VMCB_CR2, 8), .cr3 = field(vmcb, VMCB_CR3, 8),
        .cr4 = field(vmcb, VMCB_CR4, 8), .efer = field(vmcb, VMCB_EFER, 8), .pat = field(vmcb, VMCB_PAT, 8),
        .rip = field(vmcb, VMCB_RIP, 8), .rflags = field(vmcb, VMCB_RFLAGS, 8),
        .intercepts = field(vmcb, VMCB_INTERCEPTS, 8), .event_injection = field(vmcb, VMCB_EVENT_INJECTION, 8),
        .asid = (uint32_t)field(vmcb, VMCB_ASID, 4), .tlb_control = (uint32_t)field(vmcb, VMCB_TLB_CONTROL, 1),
        .cpl = (uint32_t)field(vmcb, VMCB_CPL, 1), .intercept_cr = (uint32_t)field(vmcb, VMCB_INTERCEPT_CR, 4),
        .intercept_exceptions = (uint32_t)field(vmcb, VMCB_INTERCEPT_EXCEPTIONS, 4),
    };
}

/*
 * On its way to L2's first instruction QEMU sets accessed bits in tables that may not have been seen yet, several in one
 * where it maps others. What they held before is seen now or never.
 */
static void see_tables_on_entry(struct vcpu *c, uint64_t rip)
{
    struct nested *n = &c->nested;
    struct controls l1 = { c->cr0, c->cr3, c->cr4, c->efer };
    uint64_t ignored;

    n->l1 = l1;
    n->active = true;
    n->paging = n->entry.nested_control & NESTED_PAGING && c->cr4 & CR4_PAE;
    c->cr0 = n->entry.cr0, c->cr3 = n->entry.cr3, c->cr4 = n->entry.cr4, c->efer = n->entry.efer;
    walk(rip, &ignored);
    c->cr0 = l1.cr0, c->cr3 = l1.cr3, c->cr4 = l1.cr4, c->efer = l1.efer;
    n->active = n->paging = false;
}

/* Before a VMRUN. False where what it begins cannot be followed. */
bool nested_prepare(const struct mark *m)
{
    struct vcpu *c = g.cpu;
    uint64_t gpa = cpu_register(0);
    static uint8_t vmcb[VMCB_BYTES];

    if (!(c->efer & EFER_SVME))
        return false; /* #UD */
    if (c->nested.active)
        return false; /* intercepted, as it must be: L1 gets it */
    gpa = PAGE_BASE(m->code64 ? gpa : (uint32_t)gpa);
    if (!c->live || !read_vmcb(gpa, vmcb)) {
        g.counters.nested++;
        return false;
    }
    c->nested.vmcb = gpa;
    c->nested.next = instruction_va(m) + m->length;
    c->nested.entry = entry_of(vmcb);
    see_tables_on_entry(c, field(vmcb, VMCB_CS_BASE, 8) + c->nested.entry.rip);
    return true;
}

static void enter(struct vcpu *c, uint64_t rip, bool inside)
{
    struct nested *n = &c->nested;
    uint64_t ignored;

    n->l1 = (struct controls){ c->cr0, c->cr3, c->cr4, c->efer };
    n->active = true;
    /* QEMU ignores nested page tables of two levels: L2's physical addresses are L1's. */
    n->paging = n->entry.nested_control & NESTED_PAGING && c->cr4 & CR4_PAE;
    g.counters.nested += n->entry.nested_control & NESTED_PAGING && !n->paging;
    n->lost = false;
    if (inside)
        cpu_read_controls(c);
    else
        cpu_take_controls(c, (struct controls){ n->entry.cr0, n->entry.cr3, n->entry.cr4, n->entry.efer });
    walk(rip, &ignored); /* the roots come before the event that makes them such */
    emit_nested_enter(n->vmcb, c->pending.rip, &n->entry);
    c->pending.type = PENDING_NONE;
    flush_filter();
}

/* What L2 changed with its last instruction, unless that was intercepted. Its registers are in the VMCB by now. */
static void settle_in_l2(struct vcpu *c, const uint8_t *vmcb)
{
    if (field(vmcb, VMCB_CS_BASE, 8) + field(vmcb, VMCB_RIP, 8) == c->pending.rip)
        c->pending.type = PENDING_NONE;
    session_settle_with((struct controls){
        field(vmcb, VMCB_CR0, 8), field(vmcb, VMCB_CR3, 8), field(vmcb, VMCB_CR4, 8), field(vmcb, VMCB_EFER, 8),
    });
}

static void leave(struct vcpu *c, uint64_t rip)
{
    static uint8_t vmcb[VMCB_BYTES];
    struct wire_nested_exit e;
    uint64_t ignored;

    g.counters.nested += !read_vmcb(c->nested.vmcb, vmcb); /* L1 had its page unplugged */
    settle_in_l2(c, vmcb);
    if (c->nested.paging && field(vmcb, VMCB_EXIT_CODE, 8) == EXIT_NESTED_PAGE_FAULT)
        walk_nested_fault(field(vmcb, VMCB_INFO2, 8));
    c->nested.active = c->nested.paging = false;
    cpu_read_controls(c);
    e = (struct wire_nested_exit){
        .exit_code = field(vmcb, VMCB_EXIT_CODE, 8), .info1 = field(vmcb, VMCB_INFO1, 8), .info2 = field(vmcb, VMCB_INFO2, 8),
        .interrupt_info = field(vmcb, VMCB_INTERRUPT_INFO, 8),
        .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer, .rflags = cpu_register(X86_EFLAGS),
    };
    walk(rip, &ignored);
    emit_nested_exit(rip, &e);
    flush_filter();
}

static void take_tables(struct vcpu *c)
{
    cpu_read_tables(c);
    deliver_idt_moved(c);
}

/* At a block: has L2 been entered or left since the one before? */
void nested_notice(uint64_t rip)
{
    struct vcpu *c = g.cpu;
    bool inside = cpu_in_guest_mode(c);

    if (c->pending.type == WIRE_NESTED_ENTER) {
        if (!inside && rip != c->nested.next) { /* VMRUN faulted */
            c->pending.type = PENDING_NONE;
            return;
        }
        enter(c, rip, inside);
        if (!inside) /* left again before its first block */
            leave(c, rip);
        take_tables(c);
    } else if (c->nested.active && !inside) {
        if (rip == RESET_VECTOR)
            c->nested.active = c->nested.paging = false;
        else
            leave(c, rip);
        take_tables(c);
    } else if (inside && !c->nested.active && !c->nested.lost) {
        c->nested.lost = true; /* entered before the recording, or in a way that is not followed */
        g.counters.nested++;
    }
}
